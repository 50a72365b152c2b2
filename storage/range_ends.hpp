#pragma once

#include "core/result.hpp"
#include "core/robot_track.hpp"

#include <optional>

namespace telemetry {

/// The two ends of a range, and what lies between them in running values.
struct range_ends {
  std::optional<event_row> first; ///< first row at or after the range's start
  std::optional<event_row> last;  ///< last row at or before its end
};

/// The ends of from <= timestamp <= to, by the floor() and ceil() of `source`; none if there is no
/// row.
template <class Source>
[[nodiscard]] result<range_ends> find_ends(Source& source, robot_id robot, timestamp_ms from,
                                           timestamp_ms to) {
  const auto first = source.ceil(robot, from);
  if (!first)
    return first.error();
  if (!*first || (*first)->timestamp > to)
    return range_ends{};
  const auto last = source.floor(robot, to);
  if (!last)
    return last.error();
  return range_ends{*first, *last};
}

} // namespace telemetry
