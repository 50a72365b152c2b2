#pragma once

#include "storage/event_store.hpp"
#include "storage/rocksdb/rocksdb_database.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace telemetry::rocks {

/// Writes checkpoints, small ones through the write-ahead log, large ones as ready-made files.
///
/// Durable on return in both ways, and there whole or not at all, because the journal is trimmed
/// and the rows leave memory next (rules 19 and 21):
///
/// Small: one WriteBatch over events, robots and markers, one record of the log, synced.
///
/// Large: files of sorted rows, synced, then one IngestExternalFiles over three column families,
/// which is one atomic, synced edit of the manifest. What small checkpoints left in memtables is
/// older than the files and must not hide them: it is flushed first. (RocksDB does it by itself
/// where keys overlap, as the markers do.)
///
/// Thread-safety: none; one owner. Blocking: yes.
class checkpoint_writer {
public:
  /// Blocks of events and robots from which a checkpoint is ingested: below, a file per column
  /// family costs more than it saves (docs/adr/0012).
  static constexpr std::size_t ingest_entries_min = 10'000;

  explicit checkpoint_writer(std::shared_ptr<rocksdb_database> database,
                             std::size_t ingest_from_entries = ingest_entries_min);

  /// @returns as event_store::commit().
  [[nodiscard]] result<void> write(const checkpoint& what);

private:
  [[nodiscard]] result<void> write_batch(const checkpoint& what);
  [[nodiscard]] result<void> ingest(const checkpoint& what);
  [[nodiscard]] rocksdb::Status build_files(const checkpoint& what) const;
  [[nodiscard]] rocksdb::Status ingest_files(const rocksdb_database::session& session) const;
  [[nodiscard]] std::string file_of(family which) const;

  std::shared_ptr<rocksdb_database> database_;
  std::size_t ingest_from_entries_;
};

} // namespace telemetry::rocks
