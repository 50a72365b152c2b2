#pragma once

#include "core/result.hpp"
#include "storage/data_dir/failed_syncs.hpp"
#include "storage/data_dir/format_file.hpp"
#include "storage/storage_options.hpp"

#include <memory>
#include <rocksdb/file_system.h>
#include <string>

namespace telemetry {

/// The directory of one database, and the file system that the journal's files and the embedded
/// store use in it. Both share its lock and its record of failed syncs.
///
/// Thread-safety: full. Blocking: calls wait for the disk.
class data_directory {
public:
  /// Opens or creates options.data_dir, on the file system `base` (tests pass one that fails).
  /// @returns errors as format_file::open().
  static result<std::shared_ptr<data_directory>>
  open(const storage_options& options,
       const std::shared_ptr<rocksdb::FileSystem>& base = rocksdb::FileSystem::Default());

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::uint32_t shards() const noexcept { return directory_.shards(); }
  /// The file system for all files of the directory. It records failed syncs for check_syncs().
  [[nodiscard]] const std::shared_ptr<rocksdb::FileSystem>& files() const noexcept {
    return files_;
  }

  /// Bytes free on the file system of the directory.
  [[nodiscard]] result<std::uint64_t> free_bytes() const;
  /// @returns errc::no_space if fewer than `needed_bytes` are free.
  [[nodiscard]] result<void> check_space(std::uint64_t needed_bytes) const;
  /// @returns errc::sync_failed if any sync has failed since the directory was opened.
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
