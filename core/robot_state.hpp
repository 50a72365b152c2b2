#pragma once

#include "core/event.hpp"

#include <cstdint>

namespace telemetry {

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z.
using wall_ms = std::int64_t;

/// (shard, counter): the shard in the upper 16 bits, a counter that is never reused below.
/// 0 means: none given yet.
using robot_id = std::uint64_t;

/// A robot as of one of its events: the last sealed one in the robot table, the latest one in
/// answers. A robot without events has no state.
struct robot_state {
  timestamp_ms last_timestamp = -1; ///< in a robot row: the seal point
  position last{0, 0};
  double odometer = 0;      ///< length of the path, in the unit of x and y
  std::uint64_t events = 0; ///< events stored
  wall_ms created = 0;      ///< arrival of the first event that was stored
  wall_ms updated = 0;      ///< arrival of the latest event that was stored
  friend bool operator==(const robot_state&, const robot_state&) = default;
};

/// One stored event with the running odometer at it.
struct event_row {
  timestamp_ms timestamp;
  position at;
  double odometer;
  friend bool operator==(const event_row&, const event_row&) = default;
};

} // namespace telemetry
