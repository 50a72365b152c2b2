#pragma once

#include "core/result.hpp"
#include "storage/data_dir/data_directory.hpp"
#include "storage/rocksdb/rocksdb_options.hpp"
#include "storage/storage_options.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::rocks {

/// One open RocksDB: the engine below the event store.
///
/// Thread-safety: full. Blocking: everything except the accessors. Throws no exception.
class rocksdb_database {
public:
  /// Opens or creates the database in the directory of `home`.
  /// @returns as open_storage().
  static result<std::shared_ptr<rocksdb_database>> open(std::shared_ptr<data_directory> home,
                                                        const storage_options& options);

  ~rocksdb_database();
  rocksdb_database(const rocksdb_database&) = delete;
  rocksdb_database& operator=(const rocksdb_database&) = delete;

  /// The open database, for the time of one call. A thread holds at most one session.
  class session {
  public:
    [[nodiscard]] rocksdb::DB& db() const noexcept { return *owner_->db_; }
    [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(family which) const noexcept {
      return owner_->handles_[static_cast<std::size_t>(which)];
    }

  private:
    friend rocksdb_database;
    session(std::shared_lock<std::shared_mutex> lock, const rocksdb_database& owner)
        : lock_(std::move(lock)), owner_(&owner) {}
    std::shared_lock<std::shared_mutex> lock_;
    const rocksdb_database* owner_;
  };
  /// Waits while the database is being opened again.
  /// @returns errc::unavailable if that failed.
  [[nodiscard]] result<session> use();
  /// As use(), without waiting. @returns nullopt if use() would wait or fail.
  [[nodiscard]] std::optional<session> try_use();

  [[nodiscard]] std::uint32_t shards() const noexcept { return home_->shards(); }
  [[nodiscard]] std::uint64_t min_free_bytes() const noexcept { return options_.min_free_bytes; }
  /// Number of the last checkpoint (checkpoint_chain.hpp). For the writer of checkpoints, after
  /// ready_to_write(), which reads it again if a write has failed.
  [[nodiscard]] std::uint64_t last_checkpoint() const noexcept { return last_checkpoint_; }
  void checkpoint_done() noexcept { ++last_checkpoint_; }
  /// The directory in which the files of a checkpoint are built. open() empties it.
  [[nodiscard]] std::string checkpoint_dir() const { return home_->path() + "/checkpoint"; }
  [[nodiscard]] result<void> empty_checkpoint_dir();
  /// Options to build a file for `which`.
  [[nodiscard]] rocksdb::Options table_options(family which) const;

  /// Must be called before every write, without a session. Refuses the write after a failed sync,
  /// or when fewer than `needed_bytes` are free. Opens the database again if a write has failed.
  ///
  /// DB::Resume() is not enough. After it RocksDB 7.8 continues in the same log, behind the torn
  /// record, if no memtable needs a flush. Opening again is the same as recovery from a crash,
  /// which tolerates a torn end of the log. Reads wait while the database is opened, but not while
  /// the space for that is missing.
  /// @returns errc::sync_failed, errc::no_space, errc::unavailable, errc::corrupt.
  [[nodiscard]] result<void> ready_to_write(std::uint64_t needed_bytes);

  /// The outcome of a write. `what` names it for a person: "checkpoint of 3 robots".
  [[nodiscard]] result<void> written(const rocksdb::Status& status, std::string_view what);

  /// The outcome of a read. @param if_damaged the code for damage that RocksDB found: errc::corrupt
  /// if the read concerns more than one robot.
  [[nodiscard]] result<void> read(const rocksdb::Status& status, std::string_view what,
                                  errc if_damaged = errc::damaged_row) const;

  /// The failure for damage that RocksDB did not find, at `place`.
  [[nodiscard]] failure damaged(std::string_view place, errc if_damaged = errc::damaged_row) const;

private:
  rocksdb_database(std::shared_ptr<data_directory> home, const storage_options& options);
  [[nodiscard]] result<void> open_db();
  /// Refuses a database that misses a checkpoint.
  [[nodiscard]] result<void> read_last_checkpoint();
  [[nodiscard]] result<void> reopen();
  [[nodiscard]] result<void> check_room_to_open();
  void close_db() noexcept;

  std::shared_ptr<data_directory> home_;
  storage_options options_;
  std::unique_ptr<rocksdb::Env> env_;
  std::vector<rocksdb::ColumnFamilyDescriptor> families_;
  rocksdb::DBOptions db_options_;
  std::atomic<bool> write_failed_{false}; ///< since the database was opened

  /// Locked briefly before open_, so that a continuous stream of reads cannot block reopen().
  std::mutex entry_;
  std::shared_mutex open_;          ///< held shared by users of db_
  std::unique_ptr<rocksdb::DB> db_; ///< nullptr after a reopen() that failed
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::uint64_t last_checkpoint_ = 0; ///< owned by the writer of checkpoints
};

} // namespace telemetry::rocks
