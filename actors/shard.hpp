#pragma once

#include "actors/engine_context.hpp"
#include "actors/inline_unit.hpp"
#include "actors/robot.hpp"
#include "actors/robot_table.hpp"
#include "actors/unlisted_robots.hpp"

#include <deque>
#include <set>
#include <span>
#include <unordered_map>

namespace telemetry {

/// SHARD: an independent ordered log and the robots whose names hash to it. Applies committed
/// batches in order. Creates, runs and passivates its robots inline.
class shard final : public shard_actor::base {
public:
  static inline const char* const actor_name = "shard";

  /// @param marker as the store has it at start.
  shard(caf::actor_config& config, engine_context& context, const shard_marker& marker);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  // Write path (shard.cpp).
  void prepare(const commit_ptr& commit);
  void touch_all(shard_batch& batch, slice& part);
  shard_batch_ptr new_batch(const batch_stamp& stamp);
  void recycle(shard_batch_ptr batch);
  void committed(const commit_ptr& commit);
  void replay(const std::vector<replayed_batch>& batches);
  void touch(shard_batch& batch, const event_view& event, std::uint64_t hash, slice* answer,
             std::uint32_t index);
  robot_slot& activate(std::string_view name, std::uint64_t hash);
  void fetch_unknown();
  static void prefetch_ahead(std::span<robot_slot* const> slots, std::size_t at);
  void apply(shard_batch& batch);
  void park(robot_slot& slot, const shard_batch& batch, std::uint32_t first);
  void charge_rows(std::size_t rows);
  void run(robot_slot& slot, shard_batch& batch, std::uint32_t first);
  void loaded(activation& rows);
  void fetch(std::vector<robot_slot*> robots);
  void set_aside_damaged(robot_slot& slot, const failure& why);
  void heal(robot_slot& slot);
  void retry_damaged();
  std::size_t unpark(robot_slot& slot);
  std::size_t offer_parked(robot_slot& slot, std::span<const parked_event> chain);
  void note_late(shard_batch& batch);
  void give_late();
  void seal_quiet();
  void report_replay();

  // Checkpoints and passivation (shard_checkpoint.cpp).
  shard_checkpoint_ptr collect();
  void stored(shard_checkpoint& what);
  void refuse_above_share();
  void sweep();
  void passivate(std::span<robot_slot* const> leaving);
  [[nodiscard]] std::size_t active_max() const;
  [[nodiscard]] std::size_t bytes_max() const;
  [[nodiscard]] std::size_t excess_of(std::size_t robots, std::size_t bytes) const;
  [[nodiscard]] static std::size_t sweep_limit(std::size_t robots_or_bytes);
  [[nodiscard]] std::chrono::milliseconds sweep_interval() const;

  // Reads (shard_reads.cpp).
  memory_view view(const std::string& name, robot_message::view_kind what, timestamp_ms from,
                   timestamp_ms to, std::size_t limit);
  list_answer list(const list_question& question);
  void mark_all();
  listed_robots take_changed(std::size_t limit);

  engine_context& context_;
  const std::uint32_t id_;
  inline_unit unit_;
  robot_table robots_;
  shard_marker marker_;      ///< as last checkpointed; floors never go back
  std::uint64_t applied_;    ///< batch_no of the last batch applied
  std::int64_t arrival_ms_;  ///< of the last batch applied
  std::int64_t horizon_ms_;  ///< of the last batch applied; -inf before the first (rule 22)
  std::int64_t turn_ms_ = 0; ///< steady time of this turn, for passivation

  std::deque<shard_batch_ptr> prepared_; ///< being synced, in order
  shard_batch_ptr spare_;                ///< a batch to be used again; nullptr if there is none
  std::vector<robot_slot*> unknown_;     ///< of the batch being prepared
  std::size_t loading_ = 0;              ///< robots
  std::size_t sweep_limit_;              ///< more robots than this start a sweep
  std::size_t sweep_limit_bytes_;        ///< more of charged_ than this starts a sweep
  std::size_t charged_ = 0;              ///< bytes that the robots are charged to the node's credit
  std::int64_t checkpoint_asked_ms_ = 0; ///< when a sweep last asked for a checkpoint (steady)
  std::multiset<std::uint64_t> parked_;  ///< batch_no of every parked chain (rule 17)
  late_verdicts late_verdicts_;          ///< known in this turn; sent at its end
  std::vector<old_event> store_lookups_; ///< of this turn; the reader gets them at its end
  caf::typed_response_promise<bool> replay_taken_; ///< pending until no event of a piece is parked
  caf::typed_response_promise<bool> live_;         ///< pending until every robot is loaded

  struct awaiting_seal {
    robot_slot* slot;
    std::int64_t arrival_ms;
  };
  std::deque<awaiting_seal> unsealed_; ///< each robot with unsealed events once (rule 5)
  std::vector<robot_slot*> dirty_;     ///< each robot with untaken rows once
  std::vector<robot_slot*> taken_;     ///< robots of the checkpoint in flight (rule 18)
  struct left_out_robot {
    robot_slot* slot;
    checkpoint::robot content; ///< as it was left out of the last checkpoint
  };
  std::vector<left_out_robot> left_out_; ///< the next checkpoint takes them again (ADR 0055)
  /// Robots whose row in the robot table is damaged, and why.
  std::unordered_map<robot_slot*, std::shared_ptr<const failure>> damaged_;
  bool damaged_due_ = false;          ///< their rows are being asked for once more
  std::vector<robot_slot*> uncached_; ///< each robot that changed for the cache once
  unlisted_robots unlisted_;          ///< those that the robot table may not have yet
};

} // namespace telemetry
