#pragma once

#include <cstdint>
#include <string_view>

namespace telemetry {

/// Time that the producer gave an event, in milliseconds. It orders the events of one robot, and
/// need not be the time of any clock.
using timestamp_ms = std::int64_t;

/// Limits of PROTOCOL.md §1.
inline constexpr timestamp_ms timestamp_max = (std::int64_t{1} << 53) - 1;
inline constexpr double coordinate_max = 1e15;
inline constexpr std::size_t name_code_points_max = 150;
inline constexpr std::size_t name_bytes_max = 4 * name_code_points_max;

/// A position, in the producer's units (metres by convention). Never NaN, infinite or -0.
struct position {
  double x;
  double y;
  friend bool operator==(const position&, const position&) = default;
};

/// One event, as received. `robot` points into a buffer that the caller keeps alive.
struct event_view {
  position at;
  timestamp_ms timestamp;
  std::string_view robot;
};

} // namespace telemetry
