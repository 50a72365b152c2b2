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
  // The same checkpoint was written before: its stored rows must be the first of the new rows.
  const std::size_t repeated = held->size();
  for (std::size_t i = 0; i < repeated; ++i)
    if (rows[i].event != (*held)[i])
      return broken(robot, (*held)[i].timestamp, " is stored already and differs");
  if (repeated == rows.size() && (*last)->timestamp != rows.back().event.timestamp)
    return broken(robot, (*last)->timestamp, " is stored already and lies above the new ones");
  return {};
}

result<void> checkpoint_check::operator()(const checkpoint& what, event_store& stored) {
  const std::size_t robots = what.robots.size();
  for (std::size_t i = 0; i < std::min(robots, robots_max); ++i)
    if (auto checked = check_final_rows(what.robots[next_++ % robots], stored); !checked)
      return checked;
  return {};
}

} // namespace telemetry
