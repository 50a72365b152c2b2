#pragma once

#include "storage/journal.hpp"
#include "storage/mysql/mysql_database.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace telemetry::mysql {

/// "journal entry 7 of shard 3", for messages.
[[nodiscard]] std::string journal_entry_name(std::uint32_t shard, std::uint64_t batch_no);

/// Reads the table journal, and keeps the heads of the shards (`shards.batch_no`) as this process
/// knows them. Like journal_reader.
///
/// A server is read only if it shows the epoch of the tenure that has begun, because the log of a
/// shard is complete only after its last owner was fenced (rule 36).
class mysql_journal_reader final : public journal_reader {
public:
  explicit mysql_journal_reader(std::shared_ptr<mysql_database> database);

  void begin(const tenure& of) override;
  result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override;
  result<std::uint64_t> last_batch(std::uint32_t shard) override;

  /// Reads the heads of these tenures from the server, unless they are known.
  /// @returns errc::fenced if a tenure has ended, which fenced() then names; errc::corrupt if the
  ///          server has lost commits; errc::unavailable.
  [[nodiscard]] result<void> know_heads(std::span<const tenure> of);
  /// The heads must be read again.
  void forget_heads() noexcept { heads_known_ = false; }
  /// The largest batch_no of a shard that the server has confirmed. @pre know_heads()
  [[nodiscard]] std::uint64_t head(std::uint32_t shard) const { return heads_[shard].batch_no; }
  void move_head(std::uint32_t shard, std::uint64_t to) { heads_[shard].batch_no = to; }
  /// The tenures that the last know_heads() found ended.
  [[nodiscard]] const std::vector<tenure>& fenced() const noexcept { return fenced_; }

private:
  struct head_of_shard {
    std::uint64_t epoch = 0; ///< of the row when batch_no was read; 0: never read
    std::uint64_t batch_no = 0;
  };
  struct page;

  [[nodiscard]] bool knows(const tenure& of) const;
  [[nodiscard]] result<void> take_heads(mysql_session& session, std::span<const tenure> of);
  [[nodiscard]] result<page> read_page(std::uint32_t shard, std::uint64_t after);

  std::shared_ptr<mysql_database> database_;
  std::vector<tenure> begun_; ///< the tenure of each shard
  std::vector<head_of_shard> heads_;
  bool heads_known_ = false;
  std::vector<tenure> fenced_;
};

} // namespace telemetry::mysql
