#pragma once

#include "core/robot_state.hpp"

#include <string>

namespace telemetry {

/// Appends `time` in ISO 8601, e.g. "2026-01-31T12:00:00.123+00:00". @pre its year is 0 to 9999.
void append_utc_time(std::string& out, wall_ms time);

} // namespace telemetry
