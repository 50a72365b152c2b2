#pragma once

#include "core/event.hpp"
#include "core/result.hpp"
#include "net/rest/http_target.hpp"

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Largest page, and "no limit given".
inline constexpr std::size_t page_rows_max = 100'000;
inline constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

/// start_time and end_time: both ends included, in order.
struct time_range {
  timestamp_ms from = 0;
  timestamp_ms to = timestamp_max;
};

/// @returns the value of the query parameter `key`; nullopt if there is none; errc::malformed if
///          there is more than one.
result<std::optional<std::string_view>> find_parameter(const http_target& target,
                                                       std::string_view key);

/// A parameter that is a timestamp: an integer >= 0; above 2^53-1 it is 2^53-1.
/// @returns errc::malformed, naming the parameter, for anything else.
result<std::optional<timestamp_ms>> timestamp_parameter(const http_target& target,
                                                        std::string_view key);

/// start_time and end_time, swapped if reversed.
result<time_range> range_parameters(const http_target& target);

/// limit: 1 to page_rows_max, or no_limit.
result<std::size_t> limit_parameter(const http_target& target);

} // namespace telemetry::net
