#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <rocksdb/file_system.h>
#include <string>

namespace telemetry {

/// Records the first sync that failed.
///
/// RocksDB reports failed writes and failed syncs alike, but they mean different things. A failed
/// write concerns only data that is not acknowledged yet. After a failed fsync the kernel may have
/// dropped pages that were written long before, and the next fsync does not report it.
/// Thread-safety: full.
class failed_syncs {
public:
  /// Records a failure. Has no effect after the first one.
  void failed(const std::string& file, const std::string& why);
  [[nodiscard]] bool any() const noexcept { return any_.load(std::memory_order_acquire); }
  /// File and reason of the first failure. @pre any()
  [[nodiscard]] std::string text() const;

private:
  std::atomic<bool> any_{false};
  mutable std::mutex mutex_;
  std::string text_;
};

/// A file system over `base` that reports every failed sync of a file or directory to `record`.
std::shared_ptr<rocksdb::FileSystem> watch_syncs(const std::shared_ptr<rocksdb::FileSystem>& base,
                                                 std::shared_ptr<failed_syncs> record);

} // namespace telemetry
