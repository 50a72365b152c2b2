#pragma once

#include "storage/checkpoint_check.hpp"
#include "storage/event_store.hpp"
#include "storage/rocksdb/rocksdb_checkpoint.hpp"
#include "storage/rocksdb/rocksdb_database.hpp"

#include <memory>

namespace telemetry::rocks {

/// Events, robots and markers in RocksDB. As event_store.
class rocksdb_event_store final : public event_store {
public:
  /// Most blocks of tables that a cached read takes from the kernel. Each is checked and
  /// decompressed on the caller's thread, which takes some 10 us. The ends of a range mostly take
  /// two blocks.
  static constexpr std::size_t usual_file_reads_max = 4;

  /// @param ingest_from_entries see checkpoint_writer; tests set it low.
  /// @param file_reads_max of a cached read; 0 if it may use only RocksDB's own memory.
  explicit rocksdb_event_store(
      std::shared_ptr<rocksdb_database> database,
      std::size_t ingest_from_entries = checkpoint_writer::ingest_entries_min,
      std::size_t file_reads_max = usual_file_reads_max);

  result<std::vector<damaged_robot>> commit(const checkpoint& what) override;
  result<std::vector<shard_marker>> markers() override;
  result<std::vector<robot_outcome>> robots(std::span<const std::string_view> names) override;
  result<robot_page> scan_robots(std::string_view after, std::string_view before,
                                 std::size_t limit) override;
  result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at) override;
  result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at) override;
  /// As event_store. Both ends share an iterator, because making one takes as long as a seek.
  result<range_ends> ends(robot_id robot, timestamp_ms from, timestamp_ms to) override;
  result<std::vector<event_row>> scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                                      std::size_t limit) override;
  result<std::vector<position_outcome>> exact(std::span<const key> keys) override;

  /// Reads memtables, the block cache, and the pages of tables in the kernel's cache. Indexes and
  /// filters are always in memory, because every table is open and they are outside of the cache.
  std::optional<std::optional<robot_row>> cached_robot(std::string_view name) override;
  std::optional<range_ends> cached_ends(robot_id robot, timestamp_ms from,
                                        timestamp_ms to) override;

private:
  std::shared_ptr<rocksdb_database> database_;
  checkpoint_writer writer_;
  checkpoint_check check_;
  std::size_t file_reads_max_;
};

} // namespace telemetry::rocks
