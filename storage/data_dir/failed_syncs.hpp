#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <rocksdb/file_system.h>
#include <string>

namespace telemetry {

/// Remembers the first sync that failed.
///
/// RocksDB reports a failed write and a failed sync alike, but they mean different things: after a
/// failed write nothing was promised; after a failed fsync the kernel may have dropped pages that
/// were written long ago, and the next fsync will not say so. Thread-safety: full.
class failed_syncs {
public:
  void failed(const std::string& file, const std::string& why);
  [[nodiscard]] bool any() const noexcept { return any_.load(std::memory_order_acquire); }
  /// File and reason of the first failure. @pre any()
  [[nodiscard]] std::string text() const;

private:
  std::atomic<bool> any_{false};
  mutable std::mutex mutex_;
  std::string text_;
};

/// A file system that reports every failed sync, of a file or of a directory, to `record`.
std::shared_ptr<rocksdb::FileSystem> watch_syncs(const std::shared_ptr<rocksdb::FileSystem>& base,
                                                 std::shared_ptr<failed_syncs> record);

} // namespace telemetry
