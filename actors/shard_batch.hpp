#pragma once

#include "actors/group_commit.hpp"
#include "core/robot_track.hpp"

#include <limits>
#include <memory>
#include <vector>

namespace telemetry {

struct robot_slot;

/// A batch as its shard works on it: events decoded, and chained per robot.
struct shard_batch {
  static constexpr std::uint32_t no_event = std::numeric_limits<std::uint32_t>::max();

  struct event {
    timestamp_ms timestamp;
    position at;
    slice* answer;       ///< takes the verdict; nullptr during replay
    std::uint32_t index; ///< in `answer`
    std::uint32_t next;  ///< of the same robot, or no_event
  };
  /// A robot with events in this batch, and the first of them.
  struct touched_robot {
    robot_slot* robot;
    std::uint32_t first;
  };
  /// At or below the seal point and not in memory (rule 11).
  struct old {
    std::uint32_t event;
    robot_slot* robot;
    robot_id id; ///< 0 if the store cannot have the robot: nothing will be found
    timestamp_ms seal_point;
  };

  batch_stamp stamp;
  commit_ptr commit; ///< nullptr during replay
  std::vector<event> events;
  std::vector<touched_robot> touched;
  std::vector<old> olds;
  std::size_t accepted = 0;
};
using shard_batch_ptr = std::shared_ptr<shard_batch>;

} // namespace telemetry
