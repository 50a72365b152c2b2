#pragma once

#include "actors/engine_context.hpp"
#include "actors/shard_batch.hpp"
#include "core/robot_track.hpp"

namespace telemetry {

/// ROBOT: one robot name; owns its track. Its shard runs it inline, and only the shard has its
/// handle.
///
/// Batches and checkpoints call the robot in the shard's turn instead of sending a message, because
/// a message takes 0.3 us, and 1.3 us with the cache misses of 100,000 robots. A call has the same
/// effect, because the mailbox is empty then and no other actor can run the robot (ADR 0048).
class robot final : public robot_actor::base {
public:
  static inline const char* const actor_name = "robot";

  robot(caf::actor_config& config, engine_context& context);
  [[nodiscard]] const char* name() const override { return actor_name; }

  /// Continues from its row in the robot table. @pre no event was offered yet.
  void load(const robot_row& row);
  /// Offers a chain of events of a batch, in order.
  void offer(shard_batch& batch, std::uint32_t first);

  struct collected {
    robot_track::taken taken;
    robot_id id;
    std::uint64_t lowest_untaken_batch;
  };
  /// Seals by `horizon_ms` and hands out the sealed rows (rule 16). @param next_id the id that the
  /// robot takes if it has none yet.
  [[nodiscard]] collected collect(std::int64_t horizon_ms, robot_id next_id);
  /// For a robot whose taken rows are still held, because collect() may not be called for it.
  [[nodiscard]] std::uint64_t lowest_untaken_batch() { return track_.lowest_untaken_batch(); }
  /// Number of rows in memory.
  [[nodiscard]] std::size_t rows() const noexcept { return track_.rows(); }
  /// Drops the rows that collect() handed out. @pre they are in the store.
  void stored() { track_.release(); }

  /// Tells the processor to fetch the members that a call reads. With many robots, cache misses
  /// dominate the time of a call.
  void prefetch() const noexcept {
    constexpr std::size_t cache_line = 64;
    const auto* const end = reinterpret_cast<const char*>(this + 1);
    for (const auto* at = reinterpret_cast<const char*>(&id_); at < end; at += cache_line)
      __builtin_prefetch(at, 1);
  }
  /// Tells the processor to fetch the end of the track. Call prefetch() some time before.
  void prefetch_track() const noexcept { track_.prefetch(); }

protected:
  behavior_type make_behavior() override;

private:
  void view(const robot_message::view& what);

  robot_id id_ = 0; // first, because prefetch() fetches from here to the end of the track
  robot_track track_;
};

} // namespace telemetry
