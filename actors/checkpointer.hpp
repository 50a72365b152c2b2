#pragma once

#include "actors/engine_context.hpp"
#include "storage/event_store.hpp"

#include <optional>

namespace telemetry {

/// CHECKPOINTER: collects the sealed rows of every shard and writes them as one checkpoint. Then
/// the shards drop these rows, and the journal trims them (rules 15-21). One checkpoint at a time.
class checkpointer final : public checkpointer_actor::base {
public:
  static inline const char* const actor_name = "checkpointer";

  /// @param markers the markers of the store at start, ordered by shard.
  checkpointer(caf::actor_config& config, engine_context& context, event_store& store,
               const std::vector<shard_marker>& markers);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  void start();
  void collected(const shard_checkpoint_ptr& part);
  void lower_priority();
  void write();
  void gather_markers();
  void leave_out(const std::vector<damaged_robot>& damaged);
  void written();
  void failed(const failure& why);
  void finish();

  engine_context& context_;
  event_store& store_;
  std::vector<shard_marker> markers_; ///< in the store, ordered by shard
  bool running_ = false;
  std::vector<shard_checkpoint_ptr> parts_; ///< of the checkpoint in flight
  checkpoint content_;
  std::int64_t last_done_ms_ = 0;
  bool deferred_ = false; ///< a checkpoint_atom came too soon and was sent again with a delay
  bool away_ = false;     ///< the last write failed
  bool has_low_priority_ = false;
  std::vector<caf::typed_response_promise<bool>> finishing_;
  bool is_final_ = false; ///< the checkpoint in flight began after a finish_atom
};

} // namespace telemetry
