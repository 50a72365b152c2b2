#pragma once

#include "storage/event_store.hpp"
#include "storage/rocksdb_database.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace telemetry::detail {

/// Writes checkpoints, small ones through the write-ahead log, large ones as ready-made files.
///
/// Why a crash cannot tear it from the journal (rules 19 and 21), in both ways:
///
/// Small: one WriteBatch over events, robots and markers, *not* synced. It is one record of the
/// log, so it is there whole or not at all. Whatever comes later (a trim, a synced append) lies
/// behind it in the same log, and a log is only ever cut at its end: a trim that survived implies
/// the rows that made it safe. If the record is lost, so are all trims behind it, and replay starts
/// at the old marker and makes the same rows again. A memtable may reach the disk before the log
/// does (a flush), and with it a trim; but RocksDB syncs the closed logs before it publishes a
/// flush of a database with several column families, and the rows are in a log no younger than the
/// trim.
///
/// Large: files of sorted rows, synced, then one IngestExternalFiles over three column families,
/// which is one atomic, synced edit of the manifest. It goes around the log, so an unsynced small
/// checkpoint that came *before* could be lost while this one, whose markers are higher, survives:
/// hence what small checkpoints left in memtables is flushed first. (RocksDB does it by itself when
/// keys overlap, as the markers do, but with all writers, the journal among them, standing still.)
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
  [[nodiscard]] rocksdb::Status ingest_files(const rocksdb_database::session& session,
                                             bool with_markers) const;
  [[nodiscard]] std::string file_of(family which) const;

  std::shared_ptr<rocksdb_database> database_;
  std::size_t ingest_from_entries_;
};

} // namespace telemetry::detail
