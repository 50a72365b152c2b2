#pragma once

#include "storage/journal.hpp"
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
class rocksdb_journal final : public journal {
public:
  explicit rocksdb_journal(std::shared_ptr<rocksdb_database> database);

  result<void> append(std::span<const journal_batch> batches) override;
  result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override;
  result<std::uint64_t> last_batch(std::uint32_t shard) override;
  result<void> trim(std::uint32_t shard, std::uint64_t upto) override;

private:
  /// Entries in order, with the size of each one's payload in `payloads`.
  struct replay_piece {
    std::vector<std::pair<journal_batch, std::size_t>> entries;
    std::string payloads;
  };
  [[nodiscard]] result<void> read_piece(std::uint32_t shard, std::uint64_t after,
                                        replay_piece& piece) const;
  [[nodiscard]] rocksdb::Status add(const journal_batch& batch, rocksdb::ColumnFamilyHandle* to);

  std::shared_ptr<rocksdb_database> database_;
  rocksdb::WriteBatch write_;          ///< kept for its buffer
  std::vector<rocksdb::Slice> value_;  ///< header and payload of the entry being added
  std::vector<std::uint64_t> trimmed_; ///< per shard, by this process
};

} // namespace telemetry::detail
