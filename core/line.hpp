#pragma once

#include "core/event.hpp"
#include "core/result.hpp"

namespace telemetry {

/// Reads one event line `x,y,timestamp,robot_name` (PROTOCOL.md §1), without its line end.
///
/// The name in the result points into `line`.
/// @returns errc::malformed with one short English sentence that names the field.
result<event_view> parse_line(std::string_view line);

/// Checks a robot name: 1 to 150 code points of valid UTF-8, no comma, no control character.
/// @returns errc::malformed with the sentence that parse_line() would give.
result<void> check_name(std::string_view name);

/// Checks a coordinate from a JSON body: finite, magnitude at most 1e15. `field` is "x" or "y".
/// @returns the value, with -0 turned into 0; errc::malformed as parse_line().
result<double> check_coordinate(double value, std::string_view field);

/// Checks a timestamp from a JSON body: 0 to 2^53-1 ms. @returns errc::malformed as parse_line().
result<void> check_timestamp(std::int64_t value);

} // namespace telemetry
