#pragma once

#include "core/event.hpp"

#include <cmath>

namespace telemetry {

/// The odometer at `to`, if it was `before` at the previous event, which is at `from`. All code
/// that computes odometers uses this step, so that the results agree bit for bit. The formula is
/// PROTOCOL.md §2. It uses sqrt, not hypot, because any client can then recompute the same bits.
[[nodiscard]] inline double odometer_after(double before, const position& from,
                                           const position& to) noexcept {
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  return before + std::sqrt(dx * dx + dy * dy);
}

} // namespace telemetry
