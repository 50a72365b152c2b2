#pragma once

#include "core/result.hpp"
#include "storage/data_dir/failed_syncs.hpp"
#include "storage/data_dir/format_file.hpp"
#include "storage/storage_options.hpp"

#include <memory>
#include <rocksdb/file_system.h>
#include <string>

namespace telemetry {

/// The directory of one database and the file system below it, which the journal's files and the
/// embedded store share: one lock, and one memory of syncs that failed.
///
/// Thread-safety: full. Blocking: yes.
class data_directory {
public:
  /// Opens or makes options.data_dir, on the file system `base` (tests pass one that fails).
  /// @returns as format_file::open().
  static result<std::shared_ptr<data_directory>>
  open(const storage_options& options,
       const std::shared_ptr<rocksdb::FileSystem>& base = rocksdb::FileSystem::Default());

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::uint32_t shards() const noexcept { return directory_.shards(); }
  /// Every failed sync of a file that was opened through it is known to check_syncs().
  [[nodiscard]] const std::shared_ptr<rocksdb::FileSystem>& files() const noexcept {
    return files_;
  }

  /// Bytes free on the file system of the directory.
  [[nodiscard]] result<std::uint64_t> free_bytes() const;
  /// @returns errc::no_space if fewer than `needed_bytes` are free.
  [[nodiscard]] result<void> check_space(std::uint64_t needed_bytes) const;
  /// @returns errc::sync_failed, from the first failed sync on for ever.
  [[nodiscard]] result<void> check_syncs() const;

private:
  data_directory(format_file directory, std::string path,
                 const std::shared_ptr<rocksdb::FileSystem>& base);

  format_file directory_;
  std::string path_;
  std::shared_ptr<failed_syncs> syncs_;
  std::shared_ptr<rocksdb::FileSystem> files_;
};

} // namespace telemetry
