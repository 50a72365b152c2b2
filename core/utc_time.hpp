#pragma once

#include "core/robot_state.hpp"

#include <string>

namespace telemetry {

/// Appends a time of the years 0 to 9999: "2026-01-31T12:00:00.123+00:00".
void append_utc_time(std::string& out, wall_ms time);

} // namespace telemetry
