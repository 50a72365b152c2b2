#pragma once

#include <cstdint>
#include <memory>
#include <rocksdb/db.h>
#include <vector>

namespace telemetry::rocks {

/// Column families in the order in which they are opened.
enum class family : std::size_t { meta = 0, events = 1, robots = 2 };
inline constexpr std::size_t family_count = 3;

/// Limits of RocksDB's memory, derived from one number (ADR 0011).
///
/// Memtables are charged to the block cache, so blocks and memtables together stay within
/// `cache_bytes`. Indexes and filters of the open files are outside of it (at most 1.3 bytes per
/// stored block of events), and so are the buffers for building and compacting files while a
/// checkpoint runs (some 60 MB).
struct memory_budget {
  std::uint64_t cache_bytes;     ///< blocks and memtables together
  std::uint64_t memtables_bytes; ///< of all column families; beyond it they are flushed
  std::uint64_t events_memtable_bytes;
  std::uint64_t robots_memtable_bytes;
  std::uint64_t wal_bytes; ///< files on disk; beyond it the oldest memtables are flushed
};

[[nodiscard]] memory_budget make_memory_budget(std::uint64_t cache_bytes) noexcept;

/// Options of the whole database. `env` must outlive it.
[[nodiscard]] rocksdb::DBOptions make_db_options(const memory_budget& budget,
                                                 const std::shared_ptr<rocksdb::Cache>& cache,
                                                 rocksdb::Env* env);

/// Options of every column family, in the order of `family`.
[[nodiscard]] std::vector<rocksdb::ColumnFamilyDescriptor>
make_families(const memory_budget& budget, const std::shared_ptr<rocksdb::Cache>& cache);

} // namespace telemetry::rocks
