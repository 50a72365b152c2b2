#pragma once

#include "storage/mysql/mysql_database.hpp"
#include "storage/mysql/mysql_journal_reader.hpp"
#include "storage/mysql/mysql_text.hpp"
#include "storage/mysql/mysql_trimmer.hpp"
#include "storage/paired_journal.hpp"

#include <memory>
#include <string>
#include <vector>

namespace telemetry::mysql {

/// The journal as a table, with one row per batch (docs/formats.md, "MySQL"; ADR 0014). Like
/// journal.
///
/// An append is one transaction. It moves the heads of its shards (`shards.batch_no`), on the
/// condition that each is where this process left it and that its epoch is that of our tenure, and
/// inserts the rows. Therefore the heads tell the outcome of an append whose answer was lost with
/// its connection: if they moved under our epochs, it was committed. If the server still works on
/// the lost append, the second attempt waits for its row locks, and then its condition fails.
///
/// A trim does not change the head, so last_batch() does not fall.
class mysql_journal final : public paired_journal {
public:
  explicit mysql_journal(std::shared_ptr<mysql_database> database);

  result<void> append(std::span<const journal_batch> batches) override;
  [[nodiscard]] std::vector<tenure> fenced() const override { return reader_.fenced(); }
  void begin(const tenure& of) override { reader_.begin(of); }
  result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override {
    return reader_.replay(shard, after, visit);
  }
  result<std::uint64_t> last_batch(std::uint32_t shard) override {
    return reader_.last_batch(shard);
  }
  /// Never blocks, because mysql_trimmer deletes the rows in the background.
  result<void> trim(std::uint32_t shard, std::uint64_t upto) override;

  // Journal and store are in one database, so the store's record is the journal's as well, both go
  // back together, and a loss shows in heads and epochs (ADR 0014).
  result<std::uint64_t> opening() override;
  result<void> note_opening(std::uint64_t number) override;
  result<missing_batches> find_missing(std::span<const shard_marker> markers,
                                       const journal_pairing& before) override;
  result<void> meet(std::span<shard_marker> markers) override;

private:
  using batches = std::vector<const journal_batch*>; ///< ordered by shard and number

  [[nodiscard]] result<batches> not_yet_appended(std::span<const journal_batch> all);
  [[nodiscard]] result<void> check_repeated(const journal_batch& batch);
  [[nodiscard]] result<void> transact(const batches& fresh);
  [[nodiscard]] std::size_t write_advance(const batches& fresh);
  void insert(mysql_session& session, const batches& fresh);

  std::shared_ptr<mysql_database> database_;
  mysql_journal_reader reader_; ///< has the heads, as last committed by this process
  bool unsure_ = false;         ///< whether the last append failed, but may be committed
  sql_text advance_;            ///< reused buffer
  sql_text rows_;               ///< reused buffer
  std::string payload_;         ///< reused buffer
  mysql_trimmer trimmer_;
};

} // namespace telemetry::mysql
