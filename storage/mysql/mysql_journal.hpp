#pragma once

#include "storage/mysql/mysql_database.hpp"
#include "storage/mysql/mysql_text.hpp"
#include "storage/mysql/mysql_trimmer.hpp"
#include "storage/paired_journal.hpp"

#include <memory>
#include <string>
#include <vector>

namespace telemetry::mysql {

/// The journal as a table, one row per (shard, group commit). As journal.
///
/// An append is one transaction: the heads of its shards (`shards.batch_no`) are moved on the
/// condition that they are where this process left them and that the epoch is ours, the rows are
/// inserted, and it is committed. So an append whose outcome is unknown, because the connection was
/// lost, can be told from the heads: moved under our epoch, it happened. Should the server still be
/// busy with the lost one, the second attempt waits for its row locks, and then the condition
/// fails.
///
/// The head outlives its entries: last_batch() does not fall when the journal is trimmed.
class mysql_journal final : public paired_journal {
public:
  explicit mysql_journal(std::shared_ptr<mysql_database> database);

  result<void> append(std::span<const journal_batch> batches) override;
  result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override;
  result<std::uint64_t> last_batch(std::uint32_t shard) override;
  /// Never blocks; the rows go in the background.
  result<void> trim(std::uint32_t shard, std::uint64_t upto) override;

  // Journal and store are in one database, so the store's record is the journal's as well, both go
  // back together, and a loss shows in heads and epochs (ADR 0014).
  result<std::uint64_t> opening() override;
  result<void> note_opening(std::uint64_t epoch) override;
  result<missing_batches> find_missing(std::span<const shard_marker> markers,
                                       const journal_pairing& before) override;
  result<void> meet(std::span<shard_marker> markers) override;

private:
  using batches = std::vector<const journal_batch*>; ///< by shard and number
  struct page;

  [[nodiscard]] result<void> know_heads();
  [[nodiscard]] result<batches> not_yet_appended(std::span<const journal_batch> all);
  [[nodiscard]] result<void> check_repeated(const journal_batch& batch);
  [[nodiscard]] result<void> transact(const batches& fresh);
  [[nodiscard]] std::size_t write_advance(const batches& fresh);
  void insert(mysql_session& session, const batches& fresh);
  [[nodiscard]] result<page> read_page(std::uint32_t shard, std::uint64_t after);

  std::shared_ptr<mysql_database> database_;
  std::vector<std::uint64_t> heads_; ///< of every shard, as last committed by us
  bool heads_known_ = false;         ///< false: ask the server before the next append
  bool unsure_ = false;              ///< the last append failed: it may have happened
  sql_text advance_;                 ///< these are kept for their buffers
  sql_text rows_;
  std::string payload_;
  mysql_trimmer trimmer_;
};

} // namespace telemetry::mysql
