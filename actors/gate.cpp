#include "actors/gate.hpp"

#include <algorithm>
#include <utility>

namespace telemetry {

bool gate::within_limits() const {
  return journal_.load() <= most_.journal_bytes && memory_.load() <= most_.memory_bytes;
}

void gate::update() {
  bool opened = false;
  {
    std::lock_guard lock{mutex_};
    bool open = within_limits();
    while (open != open_.load()) {
      opened = open;
      if (!open) {
        clock_.pause(time_.steady_ms());
        closed_since_ms_ = time_.steady_ms();
      } else if (journal_reason_.empty()) {
        clock_.resume(time_.steady_ms());
      }
      open_.store(open);
      // A remove() that saw the gate open did not ask: look again.
      open = within_limits();
    }
  }
  if (opened && on_open_)
    on_open_();
}

void gate::journal_away(std::string reason) {
  std::lock_guard lock{mutex_};
  const auto since_ms = reason.empty() ? std::nullopt : std::exchange(busy_since_ms_, std::nullopt);
  if (journal_reason_.empty() && !reason.empty()) {
    away_since_ms_ = since_ms.value_or(time_.steady_ms());
    clock_.pause(time_.steady_ms());
  } else if (reason.empty() && open_.load()) {
    clock_.resume(time_.steady_ms());
  }
  journal_reason_ = std::move(reason);
}

void gate::journal_busy(std::optional<std::int64_t> since_ms) {
  std::lock_guard lock{mutex_};
  busy_since_ms_ = since_ms;
}

void gate::shards_busy(std::optional<std::int64_t> since_ms) {
  std::lock_guard lock{mutex_};
  shards_busy_since_ms_ = since_ms;
}

namespace {

/// Beyond what a shard needs for all that may be in its mailbox.
constexpr std::int64_t shards_patience_ms = 10'000;
/// Beyond what a disk, or a server that is busy, may take for one call.
constexpr std::int64_t patience_ms = 2'000;

} // namespace

/// How long a call of the journal has taken, if that is too long. @pre mutex_ is held.
std::int64_t gate::hanging_ms() const {
  const auto busy_ms = busy_since_ms_ ? time_.steady_ms() - *busy_since_ms_ : 0;
  return busy_ms >= patience_ms ? busy_ms : 0;
}

/// The same of the store.
std::int64_t gate::store_silence_ms() const {
  const auto ms = store_silence_ ? store_silence_().count() : 0;
  return ms >= patience_ms ? ms : 0;
}

/// The same of the shards.
std::int64_t gate::shards_silence_ms() const {
  const auto ms = shards_busy_since_ms_ ? time_.steady_ms() - *shards_busy_since_ms_ : 0;
  return ms >= shards_patience_ms ? ms : 0;
}

void gate::watch_store(std::function<std::chrono::milliseconds()> silence) {
  std::lock_guard lock{mutex_};
  store_silence_ = std::move(silence);
}

void gate::store_away(std::string reason) {
  std::lock_guard lock{mutex_};
  store_reason_ = std::move(reason);
}

std::optional<std::string> gate::away() const {
  std::lock_guard lock{mutex_};
  if (!journal_reason_.empty())
    return journal_reason_;
  if (const auto ms = hanging_ms(); ms > 0)
    return silence_text("the journal", ms);
  if (const auto ms = shards_silence_ms(); ms > 0)
    return silence_text("a shard", ms);
  return store_reason();
}

std::optional<std::string> gate::store_trouble() const {
  std::lock_guard lock{mutex_};
  return store_reason();
}

/// @pre mutex_ is held.
std::optional<std::string> gate::store_reason() const {
  if (!store_reason_.empty())
    return store_reason_;
  const auto ms = store_silence_ms();
  return ms > 0 ? std::optional(silence_text("the store", ms)) : std::nullopt;
}

gate::answering gate::journal_answering() const {
  std::lock_guard lock{mutex_};
  return {!journal_reason_.empty(), hanging_ms()};
}

gate::answering gate::store_answering() const {
  std::lock_guard lock{mutex_};
  return {!store_reason_.empty(), store_silence_ms()};
}

gate::answering gate::shards_answering() const {
  std::lock_guard lock{mutex_};
  return {false, shards_silence_ms()};
}

std::string gate::silence_text(std::string_view what, std::int64_t silence_ms) {
  return std::string{what} + " has not answered for " + std::to_string(silence_ms / 1'000) + " s";
}

std::int64_t gate::away_ms() const {
  std::lock_guard lock{mutex_};
  return journal_reason_.empty() ? hanging_ms()
                                 : std::max(time_.steady_ms() - away_since_ms_, hanging_ms());
}

std::int64_t gate::closed_ms() const {
  std::lock_guard lock{mutex_};
  return open_.load() ? 0 : time_.steady_ms() - closed_since_ms_;
}

void gate::checkpoint_done() {
  std::lock_guard lock{mutex_};
  if (!open_.load() && journal_reason_.empty())
    clock_.resume(time_.steady_ms());
}

void gate::start_clock(std::int64_t start_ms) {
  std::lock_guard lock{mutex_};
  clock_ = serving_clock{start_ms, time_.steady_ms()};
}

std::int64_t gate::serving_now() const {
  std::lock_guard lock{mutex_};
  return clock_.now(time_.steady_ms());
}

} // namespace telemetry
