#pragma once

#include "actors/engine_context.hpp"
#include "storage/event_store.hpp"

#include <optional>

namespace telemetry {

/// CHECKPOINTER: asks every shard for what is sealed, writes it in one go, then lets the shards
/// forget it and the journal trim it (rules 15-21). One checkpoint at a time.
class checkpointer final : public checkpointer_actor::base {
public:
  static inline const char* const actor_name = "checkpointer";

  /// @param markers as the store has them at start, ordered by shard.
  checkpointer(caf::actor_config& config, engine_context& context, event_store& store,
               const std::vector<shard_marker>& markers);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  void start();
  void collected(const shard_checkpoint_ptr& part);
  void step_back();
  void write();
  void gather_markers();
  void leave_out(const std::vector<damaged_robot>& damaged);
  void written();
  void failed(const failure& why);
  void finish();

  engine_context& context_;
  event_store& store_;
  std::vector<shard_marker> markers_; ///< as they are in the store
  bool running_ = false;
  std::vector<shard_checkpoint_ptr> parts_; ///< of the checkpoint in flight
  checkpoint content_;
  std::int64_t last_done_ms_ = 0;
  bool deferred_ = false; ///< a checkpoint_atom that came too soon is on its way again
  bool away_ = false;
  bool stepped_back_ = false; ///< its thread has a lower priority
  std::vector<caf::typed_response_promise<bool>> finishing_;
  bool last_one_ = false; ///< the checkpoint in flight began after finish was asked for
};

} // namespace telemetry
