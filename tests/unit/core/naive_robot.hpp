#pragma once

#include "core/robot_track.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace telemetry {

/// What PROTOCOL.md §2 says of one robot, word for word and slow: keeps every event ever accepted,
/// sorts and folds them again for each answer. The oracle of robot_track.
class naive_robot {
public:
  struct held_event {
    position at;
    batch_stamp stamp;
  };

  /// "The seal point is the largest timestamp among its events that arrived by the horizon."
  void seal(std::int64_t horizon_ms) {
    for (const auto& [timestamp, event] : events_) {
      if (event.stamp.arrival_ms <= horizon_ms) {
        seal_point_ = std::max(seal_point_, timestamp);
      }
    }
  }

  /// @returns the verdict that the producer gets: stale instead of sealed.
  verdict offer(timestamp_ms timestamp, const position& at, const batch_stamp& stamp) {
    seal(stamp.horizon_ms);
    const auto held = events_.find(timestamp);
    if (held != events_.end()) {
      return held->second.at == at ? verdict::duplicate : verdict::conflict;
    }
    if (timestamp <= seal_point_) {
      return verdict::stale;
    }
    events_.emplace(timestamp, held_event{at, stamp});
    return verdict::accepted;
  }

  [[nodiscard]] timestamp_ms seal_point() const { return seal_point_; }
  [[nodiscard]] const std::map<timestamp_ms, held_event>& events() const { return events_; }

  /// Every event with from <= timestamp <= to and the odometer of the whole path at it.
  [[nodiscard]] std::vector<event_row> rows(timestamp_ms from, timestamp_ms to) const {
    std::vector<event_row> found;
    double odometer = 0;
    const position* before = nullptr;
    for (const auto& [timestamp, event] : events_) {
      if (before != nullptr) {
        const double dx = event.at.x - before->x;
        const double dy = event.at.y - before->y;
        odometer = odometer + std::sqrt(dx * dx + dy * dy);
      }
      before = &event.at;
      if (timestamp >= from && timestamp <= to) {
        found.push_back({timestamp, event.at, odometer});
      }
    }
    return found;
  }

  /// The state as of the last event at or before `to`; without events if there is none.
  [[nodiscard]] robot_state state(timestamp_ms to) const {
    robot_state all;
    for (const event_row& row : rows(0, to)) {
      const wall_ms wall = events_.at(row.timestamp).stamp.wall;
      all = {row.timestamp,
             row.at,
             row.odometer,
             all.events + 1,
             all.events == 0 ? wall : std::min(all.created, wall),
             all.events == 0 ? wall : std::max(all.updated, wall)};
    }
    return all;
  }

private:
  std::map<timestamp_ms, held_event> events_;
  timestamp_ms seal_point_ = -1;
};

} // namespace telemetry
