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

/// The operations that a fault can affect.
enum class file_operation { write, sync };

/// A file system on top of the real one that fails on command and simulates power cuts. A power cut
/// keeps the content of files up to their last sync, and any subset of the creations, renames,
/// links and removals since the last sync of their directory.
///
/// Thread-safety: full, because RocksDB flushes and compacts on threads of its own.
class faulty_file_system final : public rocksdb::FileSystemWrapper {
public:
  faulty_file_system();

  /// Lets the next `pass` operations of this kind on files whose name ends in `suffix` succeed.
  /// Then fails every such operation with `error`, until heal().
  /// @param torn a failing write leaves the first half of its bytes in the file.
  void fail(file_operation which, std::string suffix, std::uint64_t pass, rocksdb::IOStatus error,
            bool torn = false);
  void heal();
  /// Operations that failed since the last fail().
  [[nodiscard]] std::uint64_t failures() const;

  /// Sets the answer about free space; nullopt restores the true answer.
  void set_free_bytes(std::optional<std::uint64_t> bytes);
  /// How often the free space was asked for.
  [[nodiscard]] std::uint64_t space_questions() const;

  /// Number of operations since the start.
  struct operation_counts {
    std::uint64_t writes = 0; ///< including reservations of room
    std::uint64_t written_bytes = 0;
    std::uint64_t syncs = 0;
  };
  [[nodiscard]] operation_counts counts() const;

  /// Turns the machine off after `operations` more changes of any kind. Later changes fail.
  void crash_after(std::uint64_t operations);
  /// Whether the machine is off.
  [[nodiscard]] bool crashed() const;
  /// Turns the machine on again as if only the process had ended. All changes are still there, and
  /// unsynced changes stay unsynced. @pre the database is closed.
  void restart_process();
  /// Removes changes from the disk that a power cut may lose. @pre crashed(), and the database is
  /// closed.
  /// @param kept_tail_bytes bytes of every file's unsynced end, and of the begin of every unsynced
  ///        positioned write, that reached the disk nevertheless.
  /// @param seed chooses the unsynced changes of names that are lost; 0: all of them.
  void lose_unsynced(std::uint64_t kept_tail_bytes, std::uint64_t seed = 0);

  // rocksdb::FileSystem
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

  /// The bytes that an unsynced write has replaced.
  struct overwritten_bytes {
    std::uint64_t offset;
    std::string before;
  };
  /// A file or a directory, independent of its names.
  struct file_state {
    std::uint64_t written = 0;                  ///< size
    std::uint64_t synced = 0;                   ///< size as of the last sync
    bool is_directory = false;                  ///< if so, the other members are not used
    std::vector<overwritten_bytes> overwritten; ///< since the last sync, by positioned writes
    std::string kept_as; ///< its name in kept_, which it has even without other names; "": none yet
    void lose_unsynced(const std::string& name, std::uint64_t kept_tail_bytes) const;
  };
  using file_ptr = std::shared_ptr<file_state>;
  using names = std::map<std::string, file_ptr>;
  /// A change of names that is not durable before its directory is synced: `file` loses the name
  /// `from` and gets the name `to`. "" if there is no such name.
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
  /// The outcome of an operation.
  struct decision {
    rocksdb::IOStatus status;
    bool torn = false;
  };

  decision decide(std::optional<file_operation> which, const std::string& name);
  void wrote(const std::string& name, std::uint64_t bytes);
  /// Call it before a positioned write.
  void writes_over(const std::string& name, std::uint64_t offset, std::uint64_t bytes);
  void synced(const std::string& name);
  void synced_directory(const std::string& name);

  // The next five functions are called with mutex_ held.
  /// The file `name`; nullptr if there is none. A file that was not seen before counts as synced.
  file_ptr find(const std::string& name);
  /// Does `operation`, which changes a name, and notes the change if it succeeds.
  rocksdb::IOStatus change_name(name_change change,
                                const std::function<rocksdb::IOStatus()>& operation);
  /// To be called if `name` was removed durably and not through this class.
  void forget(const std::string& name);
  /// Keeps the file, so that it can get its name `name` back.
  void keep(file_state& file, const std::string& name);
  /// Makes `change` durable.
  void persist(const name_change& change);

  rocksdb::IOStatus made_directory(const std::string& name, rocksdb::IOStatus status);

  mutable std::mutex mutex_;          ///< guards the members below
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
