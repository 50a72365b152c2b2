#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <rocksdb/file_system.h>
#include <string>

namespace telemetry {

/// The FORMAT file of a database's directory. It locks the directory for this process.
///
/// FORMAT is one line of text, "telemetryd format 3 shards 8" (docs/formats.md, "FORMAT file"). If
/// the directory holds only the journal, " store ID" with the id of the event store follows. FORMAT
/// is written and synced before any other file. It is checked before RocksDB opens the directory,
/// because RocksDB would write to any directory that it is given (ADR 0010).
/// Thread-safety: none.
class format_file {
public:
  /// Version of the data directory, written in FORMAT. The files of the journal have a version of
  /// their own, segment_version in file_journal_format.cpp.
  /// Format 3 numbers the checkpoints in each column family, which a program of format 2 takes for
  /// damage.
  static constexpr std::uint32_t directory_version = 3;
  /// Format 2 has events in blocks. Such a directory is opened, and has format 3 from then on. No
  /// release reads format 1, which is older than the first release.
  static constexpr std::uint32_t oldest_version = 2;
  /// Upper 16 bits of a robot id hold its shard.
  static constexpr std::uint32_t shards_max = 65'536;

  /// Opens and locks `path`, or makes it a database of `shards` shards if it is absent or empty. It
  /// brings an older FORMAT up to date, because the directory may soon hold bytes that an older
  /// program would misread. A refusal changes no existing file. The names of a new database's
  /// directory, and of the directories above it, are durable before FORMAT says that it is a
  /// database. Waits for the disk.
  /// @param store_id id of the event store, if it is not in this directory; otherwise empty.
  /// @returns errc::locked (in use by another process), errc::version (foreign, older, newer, or of
  ///          another store), errc::corrupt, errc::invalid_option (shards out of bounds, not a
  ///          directory), errc::no_space, errc::unavailable (no permission, …).
  static result<format_file> open(const std::filesystem::path& path, std::uint32_t shards,
                                  const std::string& store_id = {},
                                  rocksdb::FileSystem& files = *rocksdb::FileSystem::Default());

  format_file(format_file&& other) noexcept;
  format_file& operator=(format_file&& other) noexcept;
  /// Unlocks.
  ~format_file();

  [[nodiscard]] std::uint32_t shards() const noexcept { return shards_; }

private:
  format_file(int lock, std::uint32_t shards) noexcept : lock_(lock), shards_(shards) {}

  int lock_; ///< descriptor of FORMAT; -1: moved from
  std::uint32_t shards_;
};

} // namespace telemetry
