#pragma once

#include <cstddef>
#include <memory>
#include <rocksdb/file_system.h>

namespace telemetry::rocks {

/// While one of these lives, its thread reads files of page_cache_files() without waiting for the
/// disk: what the kernel does not have in its page cache fails with IOStatus::Busy, and so does
/// every read after the first `reads_max`. RocksDB passes that on as the status of a Get or of an
/// iterator, and as nothing else.
///
/// What is read to open a table is not meant: max_open_files=-1 has that done before.
///
/// Why not rocksdb::kBlockCacheTier alone: blocks of a robot with 50M events take three times the
/// default cache of 64 MiB, while the kernel has all of its file.
class page_cache_only {
public:
  explicit page_cache_only(std::size_t reads_max) noexcept;
  ~page_cache_only();
  page_cache_only(const page_cache_only&) = delete;
  page_cache_only& operator=(const page_cache_only&) = delete;
};

/// `base`, with files that heed page_cache_only.
std::shared_ptr<rocksdb::FileSystem>
page_cache_files(const std::shared_ptr<rocksdb::FileSystem>& base);

} // namespace telemetry::rocks
