#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace telemetry {

/// The directory of one database, locked by this process, and its FORMAT file.
///
/// FORMAT is one line of text, "telemetryd format 3 shards 8", written and synced before anything
/// else; if only the journal is here, " store ID" follows and names the event store that it belongs
/// to. It says whose directory this is before RocksDB, which would rotate logs and write to
/// whatever it finds, is let near; and it carries the lock (docs/adr/0010).
/// Thread-safety: none.
class format_file {
public:
  /// 3: checkpoints are numbered in each column family, which a program of format 2 takes for
  /// damage.
  static constexpr std::uint32_t format_version = 3;
  /// 2: events in blocks. Such a directory is opened, and has format 3 from then on. Nothing reads
  /// format 1, of before the first release.
  static constexpr std::uint32_t oldest_version = 2;
  /// Upper 16 bits of a robot id hold its shard.
  static constexpr std::uint32_t shards_max = 65'536;

  /// Opens `path`, or makes it a database of `shards` shards if it is absent or empty. Brings its
  /// FORMAT up to date, because from now on the directory may hold what an older program would
  /// misread. Changes nothing if it refuses.
  /// @param store_id of the event store elsewhere; empty: events are kept here too.
  /// @returns errc::locked, errc::version (foreign, too old, newer, or of another store),
  ///          errc::corrupt,
  ///          errc::invalid_option (shards out of bounds, not a directory), errc::unavailable (no
  ///          permission, …).
  static result<format_file> open(const std::filesystem::path& path, std::uint32_t shards,
                                  const std::string& store_id = {});

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
