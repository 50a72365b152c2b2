#include "actors/storage_health.hpp"

#include <algorithm>
#include <utility>

namespace telemetry {

void storage_health::journal_away(std::string reason) {
  std::lock_guard lock{mutex_};
  const auto since_ms = reason.empty() ? std::nullopt : std::exchange(busy_since_ms_, std::nullopt);
  if (journal_reason_.empty() && !reason.empty()) {
    away_since_ms_ = since_ms.value_or(time_.steady_ms());
    serving_.stand_still(serving_time::reason::journal_away);
  } else if (reason.empty()) {
    serving_.go_on(serving_time::reason::journal_away);
  }
  journal_reason_ = std::move(reason);
}

void storage_health::journal_busy(std::optional<std::int64_t> since_ms) {
  std::lock_guard lock{mutex_};
  busy_since_ms_ = since_ms;
}

void storage_health::shards_busy(std::optional<std::int64_t> since_ms) {
  std::lock_guard lock{mutex_};
  shards_busy_since_ms_ = since_ms;
}

namespace {

/// Longer than a shard needs for all messages that its mailbox may hold.
constexpr std::int64_t shards_silence_max_ms = 10'000;
/// Longer than a disk or a busy server takes for one call.
constexpr std::int64_t silence_max_ms = 2'000;

} // namespace

/// How long a call to the journal has taken, or 0 below silence_max_ms. @pre mutex_ is held.
std::int64_t storage_health::hanging_ms() const {
  const auto busy_ms = busy_since_ms_ ? time_.steady_ms() - *busy_since_ms_ : 0;
  return busy_ms >= silence_max_ms ? busy_ms : 0;
}

/// How long the store has not answered, or 0 below silence_max_ms. @pre mutex_ is held.
std::int64_t storage_health::store_silence_ms() const {
  const auto ms = store_silence_ ? store_silence_().count() : 0;
  return ms >= silence_max_ms ? ms : 0;
}

/// How long a shard has not answered, or 0 below shards_silence_max_ms. @pre mutex_ is held.
std::int64_t storage_health::shards_silence_ms() const {
  const auto ms = shards_busy_since_ms_ ? time_.steady_ms() - *shards_busy_since_ms_ : 0;
  return ms >= shards_silence_max_ms ? ms : 0;
}

void storage_health::watch_store(std::function<std::chrono::milliseconds()> silence) {
  std::lock_guard lock{mutex_};
  store_silence_ = std::move(silence);
}

void storage_health::store_away(std::string reason) {
  std::lock_guard lock{mutex_};
  store_reason_ = std::move(reason);
}

std::optional<std::string> storage_health::away() const {
  std::lock_guard lock{mutex_};
  if (!journal_reason_.empty())
    return journal_reason_;
  if (const auto ms = hanging_ms(); ms > 0)
    return silence_text("the journal", ms);
  if (const auto ms = shards_silence_ms(); ms > 0)
    return silence_text("a shard", ms);
  return store_reason();
}

std::optional<std::string> storage_health::store_trouble() const {
  std::lock_guard lock{mutex_};
  return store_reason();
}

/// @pre mutex_ is held.
std::optional<std::string> storage_health::store_reason() const {
  if (!store_reason_.empty())
    return store_reason_;
  const auto ms = store_silence_ms();
  return ms > 0 ? std::optional(silence_text("the store", ms)) : std::nullopt;
}

storage_health::answering storage_health::journal_answering() const {
  std::lock_guard lock{mutex_};
  return {!journal_reason_.empty(), hanging_ms()};
}

storage_health::answering storage_health::store_answering() const {
  std::lock_guard lock{mutex_};
  return {!store_reason_.empty(), store_silence_ms()};
}

storage_health::answering storage_health::shards_answering() const {
  std::lock_guard lock{mutex_};
  return {false, shards_silence_ms()};
}

std::string storage_health::silence_text(std::string_view what, std::int64_t silence_ms) {
  return std::string{what} + " has not answered for " + std::to_string(silence_ms / 1'000) + " s";
}

std::int64_t storage_health::away_ms() const {
  std::lock_guard lock{mutex_};
  return journal_reason_.empty() ? hanging_ms()
                                 : std::max(time_.steady_ms() - away_since_ms_, hanging_ms());
}

} // namespace telemetry
