#pragma once

#include "storage/journal_loss.hpp"
#include "storage/paired_journal.hpp"
#include "storage/redis/redis_journal_format.hpp"
#include "storage/redis/redis_session.hpp"

#include <memory>
#include <string>
#include <vector>

namespace telemetry::redis {

/// The journal as streams in Redis, one entry per shard and group commit, for a store in another
/// database (docs/formats.md, "Redis journal"; ADR 0016). Like journal. A group commit takes one
/// round trip.
///
/// Sync: each append also reads appendonly and appendfsync. If they were turned off, it returns
/// errc::unavailable until they are on again.
///
/// Fence: each opening writes a new token to the key owner. An append that finds another token
/// writes no entry. This refuses late writes of a process that was replaced. The store's lock
/// ensures that only one process serves at a time.
///
/// Loss: an append also checks that each shard ends at its last acknowledged batch. If Redis has
/// lost acknowledged batches (FLUSHALL, an old backup, a promoted replica that lagged), append()
/// returns errc::corrupt, and the process must end. At the next start check_against() lists the
/// missing batches. One kind of loss is noticed only while the process runs, not at a start: Redis
/// went back to a complete older state that is not behind the store, because it is younger than the
/// last checkpoint.
class redis_journal final : public paired_journal {
public:
  /// Connects, checks the server's settings, and takes over the journal of `options.prefix`, or
  /// creates it if it is absent. Blocks.
  /// @param store_uuid id of the store that the journal belongs to.
  /// @returns errc::unreachable (wait and try again), errc::invalid_option (a setting of the server
  ///          with its value, the password, a read-only replica), errc::version (the journal of
  ///          another store, shard count or format), errc::corrupt (some keys of the journal are
  ///          missing).
  static result<std::unique_ptr<redis_journal>>
  open(const redis_options& options, std::uint32_t shards, const std::string& store_uuid);

  redis_journal(const redis_journal&) = delete;
  redis_journal& operator=(const redis_journal&) = delete;

  /// Checks that the journal continues the store without a missing batch. Call it before replay().
  ///
  /// If batches are missing, acknowledged events are lost, and an operator must decide. The error
  /// is errc::corrupt, with the missing batches and the command by which the operator accepts
  /// exactly this loss. At the next start after that command, batch numbers continue above both
  /// store and journal (rule 7), replay() skips the missing batches, and PREFIX:losses gets a line
  /// about them.
  /// @param markers of all shards.
  /// @returns "" if no batch is missing, or the text of the accepted loss, to be logged as an
  /// error.
  [[nodiscard]] result<std::string> check_against(std::span<const shard_marker> markers);

  /// Makes batch numbers continue above the cuts of `markers`, for a new journal of a store that
  /// another journal has filled. Never lowers a number.
  [[nodiscard]] result<void> continue_from(std::span<const shard_marker> markers);

  /// Whether open() created the journal.
  [[nodiscard]] bool is_new() const noexcept { return is_new_; }
  result<std::uint64_t> opening() override;
  result<void> note_opening(std::uint64_t number) override;
  /// As check_against(), if this journal was in use before.
  result<missing_batches> find_missing(std::span<const shard_marker> markers,
                                       const journal_pairing& before) override;
  /// As continue_from().
  result<void> meet(std::span<shard_marker> markers) override { return continue_from(markers); }
  /// For the start banner, e.g. "redis 7.0.15 at 127.0.0.1:6379".
  [[nodiscard]] std::string description() const;

  result<void> append(std::span<const journal_batch> batches) override;
  result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override;
  /// The highest batch number ever appended, even if its entry is trimmed.
  result<std::uint64_t> last_batch(std::uint32_t shard) override;
  /// Does not wait for the reply of Redis. If a trim fails, a later trim() returns the error.
  result<void> trim(std::uint32_t shard, std::uint64_t upto) override;

private:
  redis_journal(const redis_options& options, std::uint32_t shards);

  // Opening and checking (redis_journal_open.cpp).
  [[nodiscard]] result<void> take_over(const std::string& store_uuid);
  [[nodiscard]] result<void> read_forgiven();
  [[nodiscard]] result<std::vector<shard_survey>> survey();
  [[nodiscard]] result<std::vector<shard_loss>> find_losses(std::span<const shard_marker> markers);
  [[nodiscard]] result<std::vector<number_range>> find_gaps(const shard_survey& shard,
                                                            std::uint64_t cut);
  [[nodiscard]] result<void> accept(const std::vector<shard_loss>& losses, const std::string& text);

  // Appending and replay (redis_journal.cpp).
  [[nodiscard]] result<void> load_append(redis_session& session);
  [[nodiscard]] result<void> try_append(std::span<const journal_batch> batches);
  void form_append(std::span<const journal_batch> batches);
  [[nodiscard]] result<void> judge_append(const redis_value& reply) const;
  [[nodiscard]] result<redis_reply> read_page(std::uint32_t shard, std::uint64_t from);
  [[nodiscard]] result<void> check_end(std::uint32_t shard, std::uint64_t after);
  [[nodiscard]] failure not_ours(std::string_view owner) const;
  [[nodiscard]] failure lost(const std::string& what) const;

  redis_journal_keys keys_;
  std::uint32_t shards_;
  std::uint32_t database_;
  std::string append_sha_;
  std::string owner_;            ///< "<generation> <token>"
  std::uint64_t generation_ = 0; ///< number of openings of this journal
  bool is_new_ = false;
  redis_pipeline append_;               ///< reused buffer
  std::vector<std::uint64_t> trimmed_;  ///< per shard: highest number that this process trimmed
  std::vector<std::uint64_t> forgiven_; ///< per shard: number up to which losses were accepted
  redis_session session_;
};

} // namespace telemetry::redis
