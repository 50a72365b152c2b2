#pragma once

#include "core/robot_state.hpp"

#include <string>

namespace telemetry::detail {

/// 32 hexadecimal digits that nobody has had before.
[[nodiscard]] std::string random_token();

/// Appends a time as REST prints it: "2026-01-31T12:00:00.123+00:00".
void append_utc_time(std::string& out, wall_ms time);

} // namespace telemetry::detail
