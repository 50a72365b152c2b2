#pragma once

#include "actors/group_commit.hpp"
#include "core/robot_track.hpp"

#include <limits>
#include <memory>
#include <vector>

namespace telemetry {

struct robot_slot;

/// An event of a robot whose row is being fetched (rule 28). It is a copy, so that its batch and
/// its commit need not stay in memory.
struct parked_event {
  timestamp_ms timestamp;
  position at;
  batch_stamp stamp; ///< of its batch (rule 13)
  verdict_place place;
};

/// A batch in its shard, with decoded events that are chained per robot.
struct shard_batch {
  static constexpr std::uint32_t no_event = std::numeric_limits<std::uint32_t>::max();

  struct event {
    timestamp_ms timestamp;
    position at;
    slice* answer;       ///< gets the verdict; nullptr for a parked event, or during replay
    std::uint32_t index; ///< of the item in `answer`
    std::uint32_t next;  ///< index of the robot's next event, or no_event
  };
  /// A robot with events in this batch, and the first of them.
  struct touched_robot {
    robot_slot* robot;
    std::uint32_t first;
  };
  /// An event at or below the seal point that is not in memory (rule 11).
  struct old {
    std::uint32_t event; ///< index in `events`
    robot_id id;         ///< 0 if the store cannot have the robot, and therefore not the event
    timestamp_ms seal_point;
  };

  batch_stamp stamp;
  std::vector<event> events;
  std::vector<touched_robot> touched;
  std::vector<old> olds;
  std::vector<late_verdict> late; ///< one per event, if all were parked; otherwise empty
  std::size_t accepted = 0;
};
using shard_batch_ptr = std::unique_ptr<shard_batch>;

} // namespace telemetry
