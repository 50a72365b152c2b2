#include "storage/memory/memory_event_store.hpp"

#include "storage/checkpoint_check.hpp"

#include <utility>

namespace telemetry::memory {

memory_tables::memory_tables(std::uint32_t shards) : markers(shards) {
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    markers[shard].shard = shard;
}

memory_event_store::memory_event_store(std::shared_ptr<memory_tables> tables)
    : tables_(std::move(tables)) {}

result<std::vector<damaged_robot>> memory_event_store::commit(const checkpoint& what) {
  if (auto checked = find_damaged(what, *this); !checked)
    return checked;
  const std::scoped_lock lock(tables_->mutex);
  for (const checkpoint::robot& robot : what.robots) {
    auto& events = tables_->events[robot.id];
    for (const track_row& row : *robot.rows)
      events.insert_or_assign(row.event.timestamp, row.event);
    tables_->robots.insert_or_assign(std::string(robot.name),
                                     robot_row{std::string(robot.name), robot.id, robot.state});
  }
  for (const shard_marker& marker : what.markers)
    tables_->markers.at(marker.shard) = marker;
  return std::vector<damaged_robot>();
}

result<std::vector<shard_marker>> memory_event_store::markers() {
  const std::scoped_lock lock(tables_->mutex);
  return tables_->markers;
}

result<std::vector<robot_outcome>>
memory_event_store::robots(std::span<const std::string_view> names) {
  const std::scoped_lock lock(tables_->mutex);
  std::vector<robot_outcome> found;
  for (const std::string_view name : names) {
    const auto it = tables_->robots.find(name);
    found.emplace_back(it == tables_->robots.end() ? std::nullopt : std::optional(it->second));
  }
  return found;
}

result<robot_page> memory_event_store::scan_robots(std::string_view after, std::string_view before,
                                                   std::size_t limit) {
  const std::scoped_lock lock(tables_->mutex);
  robot_page found;
  for (auto it = tables_->robots.upper_bound(after);
       it != tables_->robots.end() && found.rows.size() < limit &&
       (before.empty() || it->first < before);
       ++it)
    found.rows.push_back(it->second);
  return found;
}

result<std::optional<event_row>> memory_event_store::floor(robot_id robot, timestamp_ms at) {
  const std::scoped_lock lock(tables_->mutex);
  const auto& events = tables_->events[robot];
  const auto behind = events.upper_bound(at);
  return behind == events.begin() ? std::nullopt : std::optional(std::prev(behind)->second);
}

result<std::optional<event_row>> memory_event_store::ceil(robot_id robot, timestamp_ms at) {
  const std::scoped_lock lock(tables_->mutex);
  const auto& events = tables_->events[robot];
  const auto it = events.lower_bound(at);
  return it == events.end() ? std::nullopt : std::optional(it->second);
}

result<std::vector<event_row>> memory_event_store::scan(robot_id robot, timestamp_ms from,
                                                        timestamp_ms to, std::size_t limit) {
  const std::scoped_lock lock(tables_->mutex);
  const auto& events = tables_->events[robot];
  std::vector<event_row> found;
  for (auto it = events.lower_bound(from);
       it != events.end() && it->first <= to && found.size() < limit; ++it)
    found.push_back(it->second);
  return found;
}

result<std::vector<position_outcome>> memory_event_store::exact(std::span<const key> keys) {
  const std::scoped_lock lock(tables_->mutex);
  std::vector<position_outcome> found;
  for (const key& one : keys) {
    const auto& events = tables_->events[one.robot];
    const auto it = events.find(one.timestamp);
    found.emplace_back(it == events.end() ? std::nullopt : std::optional(it->second.at));
  }
  return found;
}

std::optional<std::optional<robot_row>> memory_event_store::cached_robot(std::string_view name) {
  return std::move(robots(std::span(&name, 1))->front().value());
}

std::optional<range_ends> memory_event_store::cached_ends(robot_id robot, timestamp_ms from,
                                                          timestamp_ms to) {
  return *ends(robot, from, to);
}

} // namespace telemetry::memory
