#include "actors/gate.hpp"

#include <algorithm>

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
  if (journal_reason_.empty() && !reason.empty()) {
    away_since_ms_ = time_.steady_ms();
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

/// How long an append has taken, if that is beyond what a disk may take. @pre mutex_ is held.
std::int64_t gate::hanging_ms() const {
  constexpr std::int64_t patience_ms = 2'000;
  const auto busy_ms = busy_since_ms_ ? time_.steady_ms() - *busy_since_ms_ : 0;
  return busy_ms >= patience_ms ? busy_ms : 0;
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
    return "the journal has not answered for " + std::to_string(ms / 1'000) + " s";
  if (!store_reason_.empty())
    return store_reason_;
  return std::nullopt;
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
