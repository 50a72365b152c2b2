#pragma once

#include "core/event.hpp"

#include <cstdint>

namespace telemetry {

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z.
using wall_ms = std::int64_t;

/// Number of a robot in the store: the shard in the upper 16 bits, and in the lower 48 bits a
/// counter, never reused. 0 if the robot has no id yet.
using robot_id = std::uint64_t;

/// Bits of a robot id that hold its counter.
inline constexpr int robot_counter_bits = 48;
/// The first id of a shard; its counter is 0, which is never given.
[[nodiscard]] constexpr robot_id first_id_of(std::uint32_t shard) noexcept {
  return robot_id{shard} << robot_counter_bits;
}
[[nodiscard]] constexpr std::uint32_t shard_of_id(robot_id id) noexcept {
  return static_cast<std::uint32_t>(id >> robot_counter_bits);
}

/// State of a robot at one of its events: in the robot table at the last sealed event, in answers
/// at the latest event. A robot without events has no state.
struct robot_state {
  timestamp_ms last_timestamp = -1; ///< of that event; in the robot table this is the seal point
  position last{0, 0};
  double odometer = 0;      ///< length of the path up to that event, in the unit of x and y
  std::uint64_t events = 0; ///< number of events up to that event
  wall_ms created = 0;      ///< least wall time at which one of these events arrived
  wall_ms updated = 0;      ///< greatest wall time at which one of these events arrived
  friend bool operator==(const robot_state&, const robot_state&) = default;
};

/// One event of a robot, and the odometer there, in the unit of x and y.
struct event_row {
  timestamp_ms timestamp;
  position at;
  double odometer;
  friend bool operator==(const event_row&, const event_row&) = default;
};

} // namespace telemetry
