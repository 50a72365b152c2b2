#pragma once

#include "core/result.hpp"
#include "core/robot_track.hpp"

#include <optional>

namespace telemetry {

/// The first and the last row of a range of timestamps.
struct range_ends {
  std::optional<event_row> first; ///< first row at or after the range's start
  std::optional<event_row> last;  ///< last row at or before its end
};

/// Finds the first and the last row with from <= timestamp <= to by floor() and ceil() of `source`.
/// Both are nullopt if there is no such row.
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
