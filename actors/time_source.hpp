#pragma once

#include "core/robot_state.hpp"

#include <cstdint>

namespace telemetry {

/// The clocks that the actors read. Tests replace them to stop, run and set the time. Thread-safe.
class time_source {
public:
  virtual ~time_source() = default;
  /// Monotonic time since an arbitrary start, in milliseconds.
  [[nodiscard]] virtual std::int64_t steady_ms() const = 0;
  [[nodiscard]] virtual wall_ms wall() const = 0;
};

/// The machine's clocks.
[[nodiscard]] const time_source& system_time();

} // namespace telemetry
