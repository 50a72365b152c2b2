#pragma once

#include "config/log.hpp"

#include <chrono>
#include <string>

namespace telemetry::log {

/// Encodes one log line, without a newline: time (UTC, ISO 8601, milliseconds), level, msg, then
/// the fields `what` in their order. With any values, the result is one line of valid UTF-8. Pure.
[[nodiscard]] std::string encode(format how, level importance,
                                 std::chrono::system_clock::time_point when,
                                 std::string_view message, fields what);

/// "debug", "info", "warn" or "error".
[[nodiscard]] std::string_view to_string(level importance) noexcept;

} // namespace telemetry::log
