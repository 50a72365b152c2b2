#pragma once

#include "storage/event_store.hpp"
#include "storage/rocksdb/rocksdb_database.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace telemetry::rocks {

/// Writes small checkpoints through the write-ahead log, and large ones as ready-made files.
///
/// Both kinds are atomic, and durable on return, because the journal is trimmed and the rows leave
/// memory next (rules 19 and 21).
///
/// A small checkpoint is one WriteBatch over events, robots and markers, which is one synced record
/// of the log.
///
/// A large checkpoint is written to synced files of sorted rows. Then one IngestExternalFiles over
/// three column families adds them in one atomic, synced edit of the manifest. Rows of small
/// checkpoints in memtables are flushed first, because they are older than the files and must not
/// hide them. (RocksDB itself flushes only where keys overlap, as those of markers do.)
///
/// Thread-safety: none; one owner. Blocking: yes.
class checkpoint_writer {
public:
  /// A checkpoint with at least so many blocks of events and robots is ingested. For a smaller
  /// checkpoint a file per column family costs more than it saves (ADR 0012).
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
