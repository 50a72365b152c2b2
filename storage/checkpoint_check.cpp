#include "storage/checkpoint_check.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace telemetry {
namespace {

#ifdef NDEBUG
constexpr std::size_t robots_max = 16;
#else
constexpr std::size_t robots_max = std::numeric_limits<std::size_t>::max();
#endif

failure broken(const checkpoint::robot& robot, timestamp_ms timestamp, const char* why) {
  return {errc::corrupt, "the checkpoint of robot \"" + std::string(robot.name) +
                             "\" breaks its history: the row at " + std::to_string(timestamp) +
                             why};
}

} // namespace

result<void> check_final_rows(const checkpoint::robot& robot, event_store& stored) {
  const std::vector<track_row>& rows = *robot.rows;
  const auto out_of_order = [](const track_row& left, const track_row& right) {
    return left.event.timestamp >= right.event.timestamp;
  };
  if (const auto it = std::adjacent_find(rows.begin(), rows.end(), out_of_order); it != rows.end())
    return broken(robot, std::next(it)->event.timestamp, " is not above the one before it");
  if (rows.empty() || rows.back().event.timestamp != robot.state.last_timestamp)
    return broken(robot, robot.state.last_timestamp, ", its seal point, is not its last one");

  const auto last = stored.floor(robot.id, timestamp_max);
  if (!last)
    return last.error();
  if (!last->has_value() || (*last)->timestamp < rows.front().event.timestamp)
    return {};
  const auto held = stored.scan(robot.id, rows.front().event.timestamp, timestamp_max, rows.size());
  if (!held)
    return held.error();
  // The same checkpoint again: what is stored must be where the new rows start.
  const std::size_t repeated = held->size();
  for (std::size_t i = 0; i < repeated; ++i)
    if (rows[i].event != (*held)[i])
      return broken(robot, (*held)[i].timestamp, " is stored already and differs");
  if (repeated == rows.size() && (*last)->timestamp != rows.back().event.timestamp)
    return broken(robot, (*last)->timestamp, " is stored already and lies above the new ones");
  return {};
}

result<std::vector<damaged_robot>> find_damaged(const checkpoint& what, event_store& stored) {
  checkpoint_check all;
  return all.check(what, stored, std::numeric_limits<std::size_t>::max());
}

result<std::vector<damaged_robot>> checkpoint_check::operator()(const checkpoint& what,
                                                                event_store& stored) {
  return check(what, stored, robots_max);
}

result<std::vector<damaged_robot>> checkpoint_check::check(const checkpoint& what,
                                                           event_store& stored, std::size_t most) {
  const std::size_t robots = what.robots.size();
  const std::size_t sampled = std::min(robots, most);
  std::vector<damaged_robot> damaged;
  const auto check_one = [&](const checkpoint::robot& robot) -> result<void> {
    auto checked = check_final_rows(robot, stored);
    if (checked) {
      suspects_.erase(robot.id);
    } else if (checked.error().code == errc::damaged_row) {
      suspects_.insert(robot.id);
      damaged.push_back({std::string(robot.name), checked.error()});
      checked = {};
    }
    return checked;
  };
  const std::size_t first = robots > 0 ? next_ % robots : 0;
  const auto is_sampled = [&](std::size_t i) { return (i + robots - first) % robots < sampled; };
  if (!suspects_.empty()) {
    const auto before = suspects_;
    for (std::size_t i = 0; i < robots; ++i)
      if (!is_sampled(i) && before.contains(what.robots[i].id))
        if (auto checked = check_one(what.robots[i]); !checked)
          return checked.error();
  }
  for (std::size_t i = 0; i < sampled; ++i)
    if (auto checked = check_one(what.robots[next_++ % robots]); !checked)
      return checked.error();
  return damaged;
}

} // namespace telemetry
