#pragma once

#include "core/event.hpp"

#include <cmath>

namespace telemetry {

/// The odometer at `to`, one event after it was `before` at `from`: the one step of the fold that
/// everybody repeats bit for bit (PROTOCOL.md §2). sqrt, not hypot: any client can recompute it.
[[nodiscard]] inline double odometer_after(double before, const position& from,
                                           const position& to) noexcept {
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  return before + std::sqrt(dx * dx + dy * dy);
}

} // namespace telemetry
