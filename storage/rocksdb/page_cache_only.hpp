#pragma once

#include <cstddef>
#include <memory>
#include <rocksdb/file_system.h>

namespace telemetry::rocks {

/// While an object of this class lives, its thread reads files of page_cache_files() without
/// waiting for the disk. A read fails with IOStatus::Busy if the kernel's page cache lacks the
/// bytes, and so does every read after the first `reads_max`. RocksDB returns the failure as the
/// status of a Get or of an iterator, and it has no other effect.
///
/// Opening a table is not covered. It need not be, because max_open_files=-1 opens every table at
/// start-up.
///
/// rocksdb::kBlockCacheTier alone is not enough, because the blocks of a robot with 50M events take
/// three times the default cache of 64 MiB, while the kernel has all of its file.
class page_cache_only {
public:
  explicit page_cache_only(std::size_t reads_max) noexcept;
  ~page_cache_only();
  page_cache_only(const page_cache_only&) = delete;
  page_cache_only& operator=(const page_cache_only&) = delete;
};

/// `base`, with files that obey page_cache_only.
std::shared_ptr<rocksdb::FileSystem>
page_cache_files(const std::shared_ptr<rocksdb::FileSystem>& base);

} // namespace telemetry::rocks
