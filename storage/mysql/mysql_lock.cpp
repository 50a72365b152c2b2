#include "storage/mysql/mysql_lock.hpp"

#include "core/name_hash.hpp"
#include "storage/mysql/mysql_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace telemetry::mysql {
namespace {

/// Longest wait for the lock, in seconds. A killed process holds the lock until the server notices
/// that its connection has ended.
constexpr std::int64_t wait_s_max = 5;
/// Well below the 60 s after which the server closes an idle session (mysql_session).
constexpr std::chrono::seconds look_interval{15};
constexpr std::size_t name_bytes_max = 64;

/// Name of the lock. It contains the database, because these locks are common to all databases of a
/// server.
std::string lock_name(const std::string& database) {
  std::string name = "telemetryd." + database;
  if (name.size() <= name_bytes_max)
    return name;
  std::array<char, 16> digits{};
  char* const end =
      std::to_chars(digits.data(), digits.data() + digits.size(), name_hash(database), 16).ptr;
  return "telemetryd." + std::string(digits.data(), end);
}

/// Seconds that the server waits for the lock. Less than the read timeout, so that its answer comes
/// in time.
std::int64_t wait_s(const mysql_options& options) {
  const auto patience = std::chrono::floor<std::chrono::seconds>(options.read_timeout / 2);
  return std::min<std::int64_t>(wait_s_max, patience.count());
}

bool take_lock(mysql_session& session, const std::string& name, std::int64_t wait_s) {
  mysql_rows rows =
      session.query(sql_text("SELECT GET_LOCK(", sql_bytes{name}, ", ", wait_s, ")").str());
  return rows.next() && rows.bytes(1) == "1";
}

} // namespace

mysql_lock::mysql_lock(mysql_pool& pool) : pool_(pool), name_(lock_name(pool.options().database)) {}

mysql_lock::~mysql_lock() {
  if (!thread_.joinable())
    return;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_one();
  thread_.join();
}

bool mysql_lock::take(mysql_session& session) const {
  return take_lock(session, name_, wait_s(pool_.options()));
}

void mysql_lock::hold(std::unique_ptr<mysql_session> session) {
  session_ = std::move(session);
  thread_ = std::thread([this] { run(); });
}

void mysql_lock::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, look_interval, [this] { return stopping_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

void mysql_lock::look() {
  const std::scoped_lock lock(session_mutex_);
  use_connector_on_this_thread();
  try {
    if (session_ != nullptr) {
      static_cast<void>(session_->query("SELECT 1"));
      return;
    }
  } catch (const sql::SQLException&) {
    session_.reset();
  }
  auto session = pool_.connect();
  if (!session)
    return;
  try {
    // Does not wait, although the server may still give the lock to the old connection. The next
    // look() tries again.
    if (take_lock(**session, name_, 0))
      session_ = std::move(*session);
  } catch (const sql::SQLException&) {
    return;
  }
}

} // namespace telemetry::mysql
