#pragma once

#include "core/robot_state.hpp"

#include <cmath>

/// What every stored row holds, whatever engine it is in. A row that does not is damaged.
namespace telemetry {

[[nodiscard]] inline bool is_legal(const event_row& row) noexcept {
  return row.timestamp >= 0 && row.timestamp <= timestamp_max && std::isfinite(row.at.x) &&
         std::isfinite(row.at.y) && std::isfinite(row.odometer);
}

/// Of a row of the robot table.
[[nodiscard]] inline bool is_legal(robot_id id, const robot_state& state) noexcept {
  return id != 0 && state.events > 0 &&
         is_legal(event_row{state.last_timestamp, state.last, state.odometer});
}

} // namespace telemetry
