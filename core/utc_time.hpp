#pragma once

#include "core/robot_state.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace telemetry {

/// Appends `time` in ISO 8601, e.g. "2026-01-31T12:00:00.123+00:00". @pre its year is 0 to 9999.
void append_utc_time(std::string& out, wall_ms time);

/// Reads a time in UTC: `2026-01-31T12:00:00`, with or without three digits of milliseconds, and
/// then `Z` or `+00:00`. @returns nullopt for anything else.
[[nodiscard]] std::optional<wall_ms> read_utc_time(std::string_view text) noexcept;

} // namespace telemetry
