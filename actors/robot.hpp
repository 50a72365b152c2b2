#pragma once

#include "actors/engine_context.hpp"
#include "actors/shard_batch.hpp"
#include "core/robot_track.hpp"

namespace telemetry {

/// ROBOT: one robot name; owns its track. Run inline by its shard, which alone knows its handle.
///
/// What comes once per batch or checkpoint is a call in the shard's turn, not a message: the
/// robot's mailbox is empty then and nobody else can be in it, so both are the same turn; but the
/// message costs 0.3 us, and 1.3 us of cache misses with 100,000 robots (ADR 0048).
class robot final : public robot_actor::base {
public:
  static inline const char* const actor_name = "robot";

  robot(caf::actor_config& config, engine_context& context);
  [[nodiscard]] const char* name() const override { return actor_name; }

  /// Continues from its row in the robot table. @pre nothing was offered yet.
  void load(const robot_row& row);
  /// Offers a chain of events of a batch, in order.
  void offer(shard_batch& batch, std::uint32_t first);

  struct collected {
    robot_track::taken taken;
    robot_id id;
    std::uint64_t lowest_untaken_batch;
  };
  /// Seals by `horizon_ms` and hands out what is sealed (rule 16). @param next_id to take if the
  /// robot has none yet.
  [[nodiscard]] collected collect(std::int64_t horizon_ms, robot_id next_id);
  /// For a robot whose taken rows are still held, so that collect() may not be called.
  [[nodiscard]] std::uint64_t lowest_untaken_batch() { return track_.lowest_untaken_batch(); }
  /// Rows in memory.
  [[nodiscard]] std::size_t rows() const noexcept { return track_.rows(); }
  /// What collect() handed out is in the store.
  void stored() { track_.release(); }

  /// Has the processor fetch what a call touches: with many robots, cache misses are what it costs.
  void prefetch() const noexcept {
    constexpr std::size_t cache_line = 64;
    const auto* const end = reinterpret_cast<const char*>(this + 1);
    for (const auto* at = reinterpret_cast<const char*>(&id_); at < end; at += cache_line)
      __builtin_prefetch(at, 1);
  }
  /// The same for the end of its track, once the robot itself is there.
  void prefetch_track() const noexcept { track_.prefetch(); }

protected:
  behavior_type make_behavior() override;

private:
  void view(const robot_message::view& what);

  robot_id id_ = 0; // first, and the track last: see prefetch()
  robot_track track_;
};

} // namespace telemetry
