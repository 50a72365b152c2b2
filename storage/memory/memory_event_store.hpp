#pragma once

#include "storage/event_store.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace telemetry::memory {

/// Content of a memory_event_store. Shared, so that a test can close a store and open it again.
struct memory_tables {
  explicit memory_tables(std::uint32_t shards);
  std::mutex mutex; ///< guards all members
  std::unordered_map<robot_id, std::map<timestamp_ms, event_row>> events;
  std::map<std::string, robot_row, std::less<>> robots;
  std::vector<shard_marker> markers;
};

/// An event store in memory, for tests. Like event_store; checks rule 20 for every robot.
class memory_event_store final : public event_store {
public:
  explicit memory_event_store(std::shared_ptr<memory_tables> tables);

  result<std::vector<damaged_robot>> commit(const checkpoint& what) override;
  result<std::vector<shard_marker>> markers() override;
  result<std::vector<robot_outcome>> robots(std::span<const std::string_view> names) override;
  result<robot_page> scan_robots(std::string_view after, std::string_view before,
                                 std::size_t limit) override;
  result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at) override;
  result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at) override;
  result<std::vector<event_row>> scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                                      std::size_t limit) override;
  result<std::vector<position_outcome>> exact(std::span<const key> keys) override;

  std::optional<std::optional<robot_row>> cached_robot(std::string_view name) override;
  std::optional<range_ends> cached_ends(robot_id robot, timestamp_ms from,
                                        timestamp_ms to) override;

private:
  std::shared_ptr<memory_tables> tables_;
};

} // namespace telemetry::memory
