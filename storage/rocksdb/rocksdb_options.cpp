#include "storage/rocksdb/rocksdb_options.hpp"

#include "core/robot_state.hpp"

#include <algorithm>
#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

namespace telemetry::rocks {
namespace {

constexpr std::uint64_t mebibyte = 1u << 20;

rocksdb::BlockBasedTableOptions make_table(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.format_version = 5;
  // Not in the cache, because a small one would evict them, and reading them again takes 1 ms.
  table.cache_index_and_filter_blocks = false;
  return table;
}

/// Sorted, final rows in few large runs. They are written about twice, but ten times with levels.
rocksdb::ColumnFamilyOptions make_events(const memory_budget& budget,
                                         const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = budget.events_memtable_bytes;
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.compaction_options_universal.size_ratio = 20;
  options.level0_file_num_compaction_trigger = 8;
  options.level0_slowdown_writes_trigger = 40;
  options.level0_stop_writes_trigger = 64;
  options.compression = rocksdb::kLZ4Compression;
  rocksdb::BlockBasedTableOptions table = make_table(cache);
  table.block_size = 16u << 10;
  // A filter of robots, because a read knows the robot but not the key of a block. Not ribbon,
  // because building it for a large compaction takes a lot of memory at once (ADR 0011).
  options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(sizeof(robot_id)));
  table.whole_key_filtering = false;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

/// Rows that are often overwritten. With levels there are few old versions of them.
rocksdb::ColumnFamilyOptions make_robots(const memory_budget& budget,
                                         const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = budget.robots_memtable_bytes;
  options.compression = rocksdb::kLZ4Compression;
  rocksdb::BlockBasedTableOptions table = make_table(cache);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::ColumnFamilyOptions make_meta(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = mebibyte;
  options.compression = rocksdb::kNoCompression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(make_table(cache)));
  return options;
}

} // namespace

memory_budget make_memory_budget(std::uint64_t cache_bytes) noexcept {
  memory_budget budget{};
  budget.cache_bytes = std::max(cache_bytes, 8 * mebibyte);
  budget.memtables_bytes = std::min(budget.cache_bytes / 4, 64 * mebibyte);
  budget.events_memtable_bytes = budget.memtables_bytes / 2;
  budget.robots_memtable_bytes = budget.memtables_bytes / 4;
  budget.wal_bytes = 2 * budget.memtables_bytes;
  return budget;
}

rocksdb::DBOptions make_db_options(const memory_budget& budget,
                                   const std::shared_ptr<rocksdb::Cache>& cache,
                                   rocksdb::Env* env) {
  rocksdb::DBOptions options;
  options.env = env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  // RocksDB's default drops all records after a damaged one. This mode refuses to open the database
  // then, but tolerates a last record that a crash cut short.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(budget.memtables_bytes, cache);
  options.max_total_wal_size = budget.wal_bytes;
  options.max_background_jobs = 2;
  options.max_open_files = -1;
  // Without it the last user of an old version would delete its files, perhaps on an I/O thread.
  options.avoid_unnecessary_blocking_io = true;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = mebibyte;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor>
make_families(const memory_budget& budget, const std::shared_ptr<rocksdb::Cache>& cache) {
  return {{rocksdb::kDefaultColumnFamilyName, make_meta(cache)},
          {"events", make_events(budget, cache)},
          {"robots", make_robots(budget, cache)}};
}

} // namespace telemetry::rocks
