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
/// may leave: file contents up to their last sync, and of the creations, renames, links and
/// removals since the last sync of their directory any subset.
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
  /// Only the process died, the machine did not: everything is still there, unsynced as it was.
  /// @pre the database is closed.
  void restart_process();
  /// Leaves on the disk what a power cut may leave. @pre crashed(), and the database is closed.
  /// @param kept_tail_bytes of every file's unsynced end, and of the begin of every unsynced
  ///        positioned write, that made it to the disk nevertheless.
  /// @param seed 0: every unsynced change of a name is lost; else it chooses those that are.
  void lose_unsynced(std::uint64_t kept_tail_bytes, std::uint64_t seed = 0);

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
  rocksdb::IOStatus CreateDir(const std::string& name, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& name, const rocksdb::IOOptions& options,
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
  /// A file or a directory, whatever its names are.
  struct file_state {
    std::uint64_t written = 0;                  ///< size
    std::uint64_t synced = 0;                   ///< size as of the last sync
    bool is_directory = false;                  ///< then the rest does not matter
    std::vector<overwritten_bytes> overwritten; ///< since the last sync, by positioned writes
    std::string kept_as; ///< a name in kept_, for the time after its last one; "": not yet
    void lose_unsynced(const std::string& name, std::uint64_t kept_tail_bytes) const;
  };
  using file_ptr = std::shared_ptr<file_state>;
  using names = std::map<std::string, file_ptr>;
  /// A change of names that is not durable before its directory is synced: `file` is no longer
  /// called `from`, and is called `to`. "": no such name.
  struct name_change {
    std::string from;
    std::string to;
    file_ptr file;
  };
  /// A directory for files that have lost their names but may get them back.
  struct kept_files {
    kept_files();
    kept_files(const kept_files&) = delete;
    kept_files& operator=(const kept_files&) = delete;
    ~kept_files();
    std::filesystem::path path;
    std::uint64_t count = 0;
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

  // These five are called with mutex_ held.
  /// The file `name`; nullptr if there is none. One not seen before is on the disk as it is.
  file_ptr find(const std::string& name);
  /// Does `operation`, which changes a name, and notes the change if it succeeds.
  rocksdb::IOStatus change_name(name_change change,
                                const std::function<rocksdb::IOStatus()>& operation);
  /// `name` was removed behind our back, durably.
  void forget(const std::string& name);
  /// Makes sure that the file can have its name `name` back.
  void keep(file_state& file, const std::string& name);
  /// Lets `change` reach the disk.
  void persist(const name_change& change);

  rocksdb::IOStatus made_directory(const std::string& name, rocksdb::IOStatus status);

  mutable std::mutex mutex_;          ///< guards what follows
  names files_;                       ///< as programs see them
  names durable_;                     ///< as of the last sync of each directory
  std::vector<name_change> unsynced_; ///< in order
  kept_files kept_;
  std::optional<fault> fault_;
  std::uint64_t failures_ = 0;
  std::optional<std::uint64_t> free_bytes_;
  std::uint64_t space_questions_ = 0;
  operation_counts counts_;
  std::optional<std::uint64_t> left_; ///< changes until the crash
};

} // namespace telemetry::test
