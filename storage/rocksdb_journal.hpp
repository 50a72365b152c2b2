#pragma once

#include "storage/event_store.hpp"
#include "storage/journal.hpp"
#include "storage/journal_loss.hpp"
#include "storage/rocksdb_database.hpp"

#include <memory>
#include <rocksdb/write_batch.h>
#include <string>
#include <utility>
#include <vector>

namespace telemetry::detail {

/// The journal as a column family: (shard, batch_no) -> header and payload, one synced WriteBatch
/// per group commit. As journal.
///
/// An entry has no checksum of its own: RocksDB keeps a CRC of every log record, which it checks
/// when it opens, and of every block, which it checks at every read. What they cannot see, an entry
/// that is missing, the numbers show.
///
/// A trim leaves its end as an entry 0, in one write with its deletes. So last_batch() does not
/// fall when the journal is trimmed, and a journal that is older than its store can be told from
/// one that was emptied (find_losses()).
class rocksdb_journal final : public journal {
public:
  explicit rocksdb_journal(std::shared_ptr<rocksdb_database> database);

  result<void> append(std::span<const journal_batch> batches) override;
  result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override;
  result<std::uint64_t> last_batch(std::uint32_t shard) override;
  result<void> trim(std::uint32_t shard, std::uint64_t upto) override;

  /// What is missing of the batches above the cuts of `markers`, and shards that end below them.
  [[nodiscard]] result<std::vector<shard_loss>> find_losses(std::span<const shard_marker> markers);
  /// Meets a store that is elsewhere than we are: numbers go on above its cuts, and a cut below
  /// what was trimmed is raised to it, since the batches between are gone. The journal's side of it
  /// is durable once note_opening() is.
  [[nodiscard]] result<void> meet(std::span<shard_marker> markers);
  /// What note_opening() was told last; 0 if never. For a journal in front of a store elsewhere.
  [[nodiscard]] result<std::uint64_t> opening() const;
  /// Synced when it returns.
  [[nodiscard]] result<void> note_opening(std::uint64_t epoch);

private:
  /// What trims have reached; 0 if there was none.
  [[nodiscard]] result<std::uint64_t> trimmed(std::uint32_t shard) const;
  /// Entries in order, with the size of each one's payload in `payloads`.
  struct replay_piece {
    std::vector<std::pair<journal_batch, std::size_t>> entries;
    std::string payloads;
  };
  [[nodiscard]] result<void> read_piece(std::uint32_t shard, std::uint64_t after,
                                        replay_piece& piece) const;
  [[nodiscard]] result<std::uint64_t> read_number_at(family where, std::string_view key) const;
  [[nodiscard]] rocksdb::Status add(const journal_batch& batch, rocksdb::ColumnFamilyHandle* to);

  std::shared_ptr<rocksdb_database> database_;
  rocksdb::WriteBatch write_;          ///< kept for its buffer
  std::vector<rocksdb::Slice> value_;  ///< header and payload of the entry being added
  std::vector<std::uint64_t> trimmed_; ///< per shard, by this process
};

} // namespace telemetry::detail
