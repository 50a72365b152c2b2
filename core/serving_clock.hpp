#pragma once

#include <algorithm>
#include <cstdint>

namespace telemetry {

/// The node's clock of rule 2: serving time in milliseconds.
///
/// Starts at max(wall clock at start, greatest arrival on record) and advances with a steady clock,
/// but stands still while the server does not read its producers (ADR 0007). Pure: the caller
/// passes the steady time. Thread-safety: none.
class serving_clock {
public:
  serving_clock() = default;
  serving_clock(std::int64_t start_ms, std::int64_t steady_ms)
      : served_ms_(start_ms), since_ms_(steady_ms) {}

  [[nodiscard]] std::int64_t now(std::int64_t steady_ms) const {
    return paused_ ? served_ms_ : served_ms_ + std::max<std::int64_t>(0, steady_ms - since_ms_);
  }

  /// Stops the clock. Idempotent.
  void pause(std::int64_t steady_ms) {
    served_ms_ = now(steady_ms);
    paused_ = true;
  }

  /// Starts the clock again. Idempotent.
  void resume(std::int64_t steady_ms) {
    if (!paused_)
      return;
    since_ms_ = steady_ms;
    paused_ = false;
  }

private:
  std::int64_t served_ms_ = 0;
  std::int64_t since_ms_ = 0;
  bool paused_ = false;
};

} // namespace telemetry
