#pragma once

#include "storage/journal_loss.hpp"
#include "storage/paired_journal.hpp"
#include "storage/redis/redis_journal_format.hpp"
#include "storage/redis/redis_session.hpp"

#include <memory>
#include <string>
#include <vector>

namespace telemetry::redis {

/// The journal as streams in Redis, one entry per shard and group commit, in front of a store in
/// another database. As journal; a group commit is one round trip.
///
/// Sync: each append also reads back appendonly and appendfsync; if somebody turned them off, it
/// answers errc::unavailable until they are on again.
///
/// Fence: whoever opens the journal writes a token of its own into it; an append that finds another
/// one writes nothing. It keeps late writes of a process out that was given up; that only one
/// process serves at a time is for the store's lock to see to.
///
/// Loss: an append also checks that each shard ends where it should. If Redis has forgotten what it
/// had acknowledged (FLUSHALL, an old backup, a replica that was promoted before it had
/// everything), the answer is errc::corrupt, and the process must end; check_against() tells at the
/// next start what is missing. A loss that leaves the journal whole and not behind the store, that
/// is an old state younger than the last checkpoint, cannot be seen at a start, only while running.
class redis_journal final : public paired_journal {
public:
  /// Connects, checks the server's settings, and takes the journal of `options.prefix` over; makes
  /// it if it is not there.
  /// @param store_uuid of the store that the journal belongs to.
  /// @returns errc::unreachable (wait and try again), errc::invalid_option (a setting of the server
  ///          with its value, the password, a read-only replica), errc::version (the journal of
  ///          another store, shard count or format), errc::corrupt (half of a journal).
  static result<std::unique_ptr<redis_journal>>
  open(const redis_options& options, std::uint32_t shards, const std::string& store_uuid);

  redis_journal(const redis_journal&) = delete;
  redis_journal& operator=(const redis_journal&) = delete;

  /// To be called before replay(): checks that the journal goes on without a hole from where the
  /// store is.
  ///
  /// If it does not, acknowledged events are lost, and somebody has to decide: the answer is
  /// errc::corrupt with what is missing and the one command by which the operator accepts exactly
  /// that. After it the next start goes on: numbers continue above both (rule 7), replay() skips
  /// what is missing, PREFIX:losses keeps a line about it.
  /// @param markers of all shards.
  /// @returns "" if all is there; the loss that was accepted, to be logged as an error.
  [[nodiscard]] result<std::string> check_against(std::span<const shard_marker> markers);

  /// Goes on above the cuts of `markers`, for a new journal in front of a store that was filled
  /// through another one. Never lowers a number.
  [[nodiscard]] result<void> continue_from(std::span<const shard_marker> markers);

  /// open() made the journal: it was not there.
  [[nodiscard]] bool is_new() const noexcept { return is_new_; }
  result<std::uint64_t> opening() override;
  result<void> note_opening(std::uint64_t epoch) override;
  /// As check_against(), if this journal was in use before.
  result<missing_batches> find_missing(std::span<const shard_marker> markers,
                                       const journal_pairing& before) override;
  /// As continue_from().
  result<void> meet(std::span<shard_marker> markers) override { return continue_from(markers); }
  /// For the start banner, e.g. "redis 7.0.15 at 127.0.0.1:6379".
  [[nodiscard]] std::string description() const;

  result<void> append(std::span<const journal_batch> batches) override;
  result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override;
  /// The highest number ever appended, also if its entry is trimmed.
  result<std::uint64_t> last_batch(std::uint32_t shard) override;
  /// Does not wait for Redis: the failure of a trim is the answer to a later one.
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
  std::uint64_t generation_ = 0; ///< counts the openings of this journal
  bool is_new_ = false;
  redis_pipeline append_;               ///< kept for its memory
  std::vector<std::uint64_t> trimmed_;  ///< per shard, by this process
  std::vector<std::uint64_t> forgiven_; ///< per shard: what is missing up to here was accepted
  redis_session session_;
};

} // namespace telemetry::redis
