#include "storage/mysql/mysql_trimmer.hpp"

#include "storage/mysql/mysql_text.hpp"

#include <algorithm>
#include <utility>

namespace telemetry::mysql {
namespace {

/// Most rows that one statement deletes.
constexpr std::uint64_t rows_per_statement = 1000;
/// Deleted rows after which a transaction commits. It takes some ten milliseconds.
constexpr std::uint64_t rows_per_transaction = 2000;

} // namespace

mysql_trimmer::mysql_trimmer(std::shared_ptr<mysql_database> database)
    : database_(std::move(database)), thread_([this] { run(); }) {}

mysql_trimmer::~mysql_trimmer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void mysql_trimmer::trim(std::uint32_t shard, std::uint64_t upto) {
  {
    const std::scoped_lock lock(mutex_);
    std::uint64_t& wanted = wanted_[shard];
    wanted = std::max(wanted, upto);
    failed_ = false;
  }
  changed_.notify_one();
}

void mysql_trimmer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || (!failed_ && !wanted_.empty()); });
    if (stopping_)
      return;
    cuts left = std::exchange(wanted_, {});
    lock.unlock();
    const bool deleted = delete_some(left);
    lock.lock();
    failed_ = !deleted;
    for (const auto& [shard, upto] : left) {
      std::uint64_t& wanted = wanted_[shard];
      wanted = std::max(wanted, upto);
    }
  }
}

/// Runs one transaction and removes finished shards from `left`. @returns whether it succeeded.
bool mysql_trimmer::delete_some(cuts& left) {
  const auto work = [&left](mysql_session& session) -> result<void> {
    std::uint64_t rows = 0;
    auto next = left.begin();
    session.begin();
    while (next != left.end() && rows < rows_per_transaction) {
      const sql_text forget("DELETE FROM journal WHERE shard = ", next->first,
                            " AND batch_no <= ", next->second, " ORDER BY batch_no, part LIMIT ",
                            rows_per_statement);
      const std::uint64_t deleted = session.update(forget.str());
      rows += deleted;
      if (deleted < rows_per_statement)
        ++next;
    }
    session.commit();
    left.erase(left.begin(), next);
    return {};
  };
  return database_->pool()
      .run("trim of the journal", mysql_pool::after_loss::repeat, work)
      .has_value();
}

} // namespace telemetry::mysql
