#pragma once

#include "storage/event_store.hpp"
#include "storage/journal.hpp"
#include "storage/state_cache.hpp"
#include "storage/storage_options.hpp"

#include <functional>
#include <memory>
#include <string>

namespace telemetry {

/// An open database: journal and event store, of one storage engine or two. "Engine" alone is the
/// actor system that uses it (actors/engine.hpp).
struct storage {
  std::shared_ptr<void> keep_alive; ///< what journal and store share; destroyed after both
  std::unique_ptr<telemetry::journal> journal;
  std::unique_ptr<event_store> store;
  std::unique_ptr<state_cache> cache; ///< nullptr: none
  std::uint32_t shards = 0;           ///< fixed when the database was created
  std::string description;            ///< for the start banner, e.g. "rocksdb 7.8.3"
  std::string warning; ///< what the operator must know at once, e.g. of a lost journal; or ""
  /// To be called with this at the end, when nothing uses it any more: notes in a store elsewhere
  /// whether it has everything that is in the journal, so that another journal may follow.
  /// @returns whether it has.
  std::function<result<bool>(storage&)> note_drained;
  /// Bytes free for the database. Thread-safe.
  std::function<result<std::uint64_t>()> free_bytes;
};

/// Opens or creates the database. open_storage.cpp is the only file that names concrete storage
/// engines. Blocks.
/// @returns errc::unreachable (a server does not answer: try again), errc::locked (a second
///          process), errc::version (newer or foreign), errc::corrupt (with the place),
///          errc::invalid_option (a server refuses what is set), errc::unavailable.
result<storage> open_storage(const storage_options& options);

/// Brings the tables of the store up to date, as opening does, or only says how (`dry_run`: asks
/// no server). Blocks.
/// @returns what was done, or the SQL, for a person; failures as open_storage().
result<std::string> migrate_storage(const storage_options& options, bool dry_run);

/// A database in memory, for tests only.
storage open_memory_storage(std::uint32_t shards);

} // namespace telemetry
