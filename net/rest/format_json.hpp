#pragma once

#include "core/robot_state.hpp"

#include <string>
#include <string_view>

namespace telemetry::net {

/// Whether `text` is valid UTF-8.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// Appends a JSON string: UTF-8 unchanged; '"', '\' and control characters escaped; bytes that are
/// not UTF-8 as U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Appends a time as a JSON string, "2026-01-31T12:00:00.123+00:00".
void append_json_time(std::string& out, wall_ms time);

/// Appends a robot object (PROTOCOL.md §4), keys in alphabetical order. @pre state.events > 0
void append_json_robot(std::string& out, std::string_view name, const robot_state& state);

} // namespace telemetry::net
