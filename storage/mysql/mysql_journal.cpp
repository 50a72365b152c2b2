#include "storage/mysql/mysql_journal.hpp"

#include <algorithm>
#include <utility>

namespace telemetry::mysql {
namespace {

/// After a failed first attempt the second one reads the heads again. The third is for a server
/// that fails twice.
constexpr unsigned attempts_max = 3;
/// Bytes of a row's text around its payload: nine numbers.
constexpr std::size_t row_overhead_bytes = 256;

constexpr std::string_view insert_into =
    "INSERT INTO journal (shard, batch_no, part, epoch, arrival_ms, horizon_ms, wall_ms, kind,"
    " bytes, payload) VALUES ";

/// The whole payload. It is copied to `buffer` if it has several parts.
std::string_view join(const journal_batch& batch, std::string& buffer) {
  if (batch.payload.size() == 1)
    return batch.payload.front();
  buffer.clear();
  for (const std::string_view part : batch.payload)
    buffer += part;
  return buffer;
}

} // namespace

mysql_journal::mysql_journal(std::shared_ptr<mysql_database> database)
    : database_(std::move(database)), reader_(database_), trimmer_(database_) {}

result<void> mysql_journal::append(std::span<const journal_batch> all) {
  std::vector<tenure> tenures;
  tenures.reserve(all.size());
  for (const journal_batch& batch : all)
    tenures.push_back({batch.shard, batch.epoch});
  result<void> outcome;
  for (unsigned attempt = 0; attempt < attempts_max; ++attempt) {
    if (auto known = reader_.know_heads(tenures); !known)
      return known;
    auto fresh = not_yet_appended(all);
    if (!fresh)
      return fresh.error();
    if (fresh->empty()) { // an earlier attempt has succeeded, although its answer was lost
      unsure_ = false;
      return {};
    }
    outcome = transact(*fresh);
    unsure_ = !outcome;
    if (!outcome)
      reader_.forget_heads();
    else
      for (const journal_batch* batch : *fresh)
        reader_.move_head(batch->shard, batch->stamp.batch_no);
    if (outcome || outcome.error().code != errc::unavailable)
      return outcome;
  }
  return outcome;
}

result<mysql_journal::batches> mysql_journal::not_yet_appended(std::span<const journal_batch> all) {
  batches fresh;
  fresh.reserve(all.size());
  for (const journal_batch& batch : all) {
    assert(batch.shard < database_->shards() && batch.stamp.batch_no > 0);
    if (batch.stamp.batch_no > reader_.head(batch.shard))
      fresh.push_back(&batch);
    else if (!unsure_) // not a repeated append: check that it is the same batch
      if (auto checked = check_repeated(batch); !checked)
        return checked.error();
  }
  std::sort(fresh.begin(), fresh.end(), [](const auto* left, const auto* right) {
    return std::pair(left->shard, left->stamp.batch_no) <
           std::pair(right->shard, right->stamp.batch_no);
  });
  return fresh;
}

result<void> mysql_journal::check_repeated(const journal_batch& batch) {
  const auto work = [&](mysql_session& session) -> result<void> {
    const sql_text ask("SELECT payload FROM journal WHERE shard = ", batch.shard,
                       " AND batch_no = ", batch.stamp.batch_no, " ORDER BY part");
    mysql_rows rows = session.query(ask.str());
    std::string stored;
    bool found = false;
    for (; rows.next(); found = true)
      stored += rows.bytes(1);
    if (found && stored == join(batch, payload_))
      return {};
    return failure{errc::corrupt, journal_entry_name(batch.shard, batch.stamp.batch_no) +
                                      " was appended again with another content"};
  };
  return database_->pool().run("journal append", mysql_pool::after_loss::repeat, work);
}

result<void> mysql_journal::transact(const batches& fresh) {
  const std::size_t shards = write_advance(fresh);
  const auto work = [&](mysql_session& session) -> result<void> {
    session.begin();
    if (session.update(advance_.str()) != shards) {
      session.rollback();
      return failure{errc::unavailable, "journal append: the heads have moved"};
    }
    insert(session, fresh);
    session.commit();
    return {};
  };
  return database_->pool().run("journal append", mysql_pool::after_loss::fail, work);
}

/// Writes the statement that moves the heads into advance_.
/// @returns the number of rows that it must change.
std::size_t mysql_journal::write_advance(const batches& fresh) {
  std::vector<const journal_batch*> last; // of each shard
  for (const journal_batch* batch : fresh) {
    if (!last.empty() && last.back()->shard == batch->shard)
      last.pop_back();
    last.push_back(batch);
  }
  advance_.clear();
  advance_.add("UPDATE shards SET batch_no = CASE shard");
  for (const journal_batch* batch : last)
    advance_.add(" WHEN ", batch->shard, " THEN ", batch->stamp.batch_no);
  const char* separator = " END WHERE ";
  for (const journal_batch* batch : last) {
    advance_.add(std::exchange(separator, " OR "), "(shard = ", batch->shard,
                 " AND epoch = ", database_->fence_of({batch->shard, batch->epoch}),
                 " AND batch_no = ", reader_.head(batch->shard), ")");
  }
  return last.size();
}

/// Inserts the rows with as few statements as the packet size allows.
void mysql_journal::insert(mysql_session& session, const batches& fresh) {
  const std::size_t limit = session.statement_bytes_max();
  // Escapes may double the bytes of a payload.
  const std::size_t part_bytes_max = (limit - insert_into.size() - row_overhead_bytes) / 2;
  rows_.clear();
  for (const journal_batch* batch : fresh) {
    std::string_view payload = join(*batch, payload_);
    std::uint32_t part = 0;
    do {
      const std::string_view bytes = payload.substr(0, part_bytes_max);
      payload.remove_prefix(bytes.size());
      if (rows_.size() > 0 && rows_.size() + row_overhead_bytes + 2 * bytes.size() > limit) {
        session.update(rows_.str());
        rows_.clear();
      }
      rows_.add(rows_.size() == 0 ? insert_into : std::string_view(","), "(", batch->shard, ",",
                batch->stamp.batch_no, ",", part++, ",", batch->epoch, ",", batch->stamp.arrival_ms,
                ",", batch->stamp.horizon_ms, ",", batch->stamp.wall, ",",
                static_cast<unsigned>(batch->kind), ",", bytes.size(), ",", sql_bytes{bytes}, ")");
    } while (!payload.empty());
  }
  session.update(rows_.str());
}

result<void> mysql_journal::trim(std::uint32_t shard, std::uint64_t upto) {
  assert(shard < database_->shards());
  trimmer_.trim(shard, upto);
  return {};
}

result<std::uint64_t> mysql_journal::opening() {
  const auto record = database_->read_journal_pairing();
  if (!record)
    return record.error();
  return record->confirmed;
}

result<void> mysql_journal::note_opening(std::uint64_t number) {
  return database_->write_journal_pairing({"mysql", number, number, false});
}

result<paired_journal::missing_batches> mysql_journal::find_missing(std::span<const shard_marker>,
                                                                    const journal_pairing&) {
  return missing_batches{};
}

result<void> mysql_journal::meet(std::span<shard_marker>) { return {}; }

} // namespace telemetry::mysql
