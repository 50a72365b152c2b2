#pragma once

#include "storage/event_store.hpp"
#include "storage/journal.hpp"

#include <filesystem>
#include <memory>

namespace telemetry {

namespace config {
struct options;
}

/// Settings of the embedded engine.
struct storage_options {
  [[nodiscard]] static storage_options from(const config::options& settings);

  std::filesystem::path data_dir;
  std::uint32_t shards = 8;                 ///< for a new database; an existing one keeps its own
  std::uint64_t min_free_bytes = 64u << 20; ///< appends fail with no_space below this
  std::uint64_t cache_bytes = 256u << 20;   ///< block cache
};

/// An open database: journal and event store, one engine or two.
struct storage {
  std::shared_ptr<void> engine; ///< closes last
  std::unique_ptr<telemetry::journal> journal;
  std::unique_ptr<event_store> store;
  std::uint32_t shards = 0; ///< fixed when the database was created
  std::string description;  ///< for the start banner, e.g. "rocksdb 7.8.3"
  /// Bytes free for the database. Thread-safe.
  std::function<result<std::uint64_t>()> free_bytes;
};

/// Opens or creates the database; the only place that names concrete engines. Blocks.
/// @returns errc::locked (a second process), errc::version (a newer or foreign directory),
///          errc::corrupt (with the place), errc::invalid_option, errc::unavailable.
result<storage> open_storage(const storage_options& options);

/// A database in memory, for tests only.
storage open_memory_storage(std::uint32_t shards);

} // namespace telemetry
