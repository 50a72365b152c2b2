#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <rocksdb/file_system.h>
#include <string>
#include <vector>

namespace telemetry::test {

/// What a fault hits.
enum class file_operation { write, sync };

/// A file system on top of the real one that fails on command, and that knows what a power cut
/// would leave: file contents up to their last sync, and files whose directory was synced.
///
/// Thread-safety: full, since RocksDB flushes and compacts on threads of its own.
class faulty_file_system final : public rocksdb::FileSystemWrapper {
public:
  faulty_file_system();

  /// Of the next operations of this kind on files whose name ends in `suffix`, lets `pass` through
  /// and then fails every one with `error`, until heal().
  /// @param torn a failing write leaves the first half of its bytes in the file.
  void fail(file_operation which, std::string suffix, std::uint64_t pass, rocksdb::IOStatus error,
            bool torn = false);
  void heal();
  /// Operations that failed since the last fail().
  [[nodiscard]] std::uint64_t failures() const;

  /// What free_bytes() answers; nothing: the truth.
  void set_free_bytes(std::optional<std::uint64_t> bytes);
  /// How often that was asked.
  [[nodiscard]] std::uint64_t space_questions() const;

  /// What files and directories were asked for since the start.
  struct operation_counts {
    std::uint64_t writes = 0; ///< room that was reserved is one
    std::uint64_t written_bytes = 0;
    std::uint64_t syncs = 0;
  };
  [[nodiscard]] operation_counts counts() const;

  /// After `operations` more changes of any kind, the machine is off: nothing changes any more.
  void crash_after(std::uint64_t operations);
  /// The machine is off.
  [[nodiscard]] bool crashed() const;
  /// Leaves on the disk what a power cut may leave. @pre crashed(), and the database is closed.
  /// @param kept_tail_bytes of every file's unsynced end, and of the begin of every unsynced
  ///        positioned write, that made it to the disk nevertheless.
  void lose_unsynced(std::uint64_t kept_tail_bytes);

  // What follows is RocksDB's side.
  const char* Name() const override { return "telemetryd faulty files"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options,
                                 std::uint64_t* bytes, rocksdb::IODebugContext* dbg) override;

private:
  friend class faulty_file;
  friend class faulty_directory;

  /// What stood where an unsynced write went.
  struct overwritten_bytes {
    std::uint64_t offset;
    std::string before;
  };
  struct file_state {
    std::uint64_t written = 0; ///< size
    std::uint64_t synced = 0;  ///< size as of the last sync
    bool name_synced = false;
    std::vector<overwritten_bytes> overwritten; ///< since the last sync, by positioned writes
    void lose_unsynced(const std::string& name, std::uint64_t kept_tail_bytes) const;
  };
  struct fault {
    file_operation which;
    std::string suffix;
    std::uint64_t pass;
    rocksdb::IOStatus error;
    bool torn;
  };
  /// What becomes of an operation: the error it has to give, if any.
  struct decision {
    rocksdb::IOStatus status;
    bool torn = false;
  };

  decision decide(std::optional<file_operation> which, const std::string& name);
  void wrote(const std::string& name, std::uint64_t bytes);
  /// To be told before a positioned write.
  void writes_over(const std::string& name, std::uint64_t offset, std::uint64_t bytes);
  void synced(const std::string& name);
  void synced_directory(const std::string& name);

  mutable std::mutex mutex_; ///< guards what follows
  std::map<std::string, file_state> files_;
  std::optional<fault> fault_;
  std::uint64_t failures_ = 0;
  std::optional<std::uint64_t> free_bytes_;
  std::uint64_t space_questions_ = 0;
  operation_counts counts_;
  std::optional<std::uint64_t> left_; ///< changes until the crash
};

} // namespace telemetry::test
