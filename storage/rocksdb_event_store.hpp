#pragma once

#include "storage/event_store.hpp"
#include "storage/final_rows.hpp"
#include "storage/rocksdb_checkpoint.hpp"
#include "storage/rocksdb_database.hpp"

#include <memory>

namespace telemetry::detail {

/// Events, robots and markers in RocksDB. As event_store.
class rocksdb_event_store final : public event_store {
public:
  /// @param ingest_from_entries see checkpoint_writer; tests set it low.
  explicit rocksdb_event_store(
      std::shared_ptr<rocksdb_database> database,
      std::size_t ingest_from_entries = checkpoint_writer::ingest_entries_min);

  result<void> commit(const checkpoint& what) override;
  result<std::vector<shard_marker>> markers() override;
  result<std::vector<std::optional<robot_row>>>
  robots(std::span<const std::string_view> names) override;
  result<std::vector<robot_row>> scan_robots(std::string_view after, std::size_t limit) override;
  result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at) override;
  result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at) override;
  result<std::vector<event_row>> scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                                      std::size_t limit) override;
  result<std::vector<std::optional<position>>> exact(std::span<const key> keys) override;

private:
  std::shared_ptr<rocksdb_database> database_;
  checkpoint_writer writer_;
  final_rows_check check_;
};

} // namespace telemetry::detail
