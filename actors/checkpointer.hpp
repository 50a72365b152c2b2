#pragma once

#include "actors/engine_context.hpp"
#include "storage/event_store.hpp"

#include <map>
#include <vector>

namespace telemetry {

/// CHECKPOINTER: collects the sealed rows of every shard and writes them as one checkpoint. Then
/// the shards drop these rows, and the journal trims them (rules 15-21). One checkpoint at a time.
class checkpointer final : public checkpointer_actor::base {
public:
  static inline const char* const actor_name = "checkpointer";

  checkpointer(caf::actor_config& config, engine_context& context, event_store& store);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  void start();
  void collect();
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
  std::map<std::uint32_t, hosted_shard> shards_; ///< the tenures of this node, by shard
  bool running_ = false;
  std::size_t uncollected_ = 0;             ///< shards of the checkpoint in flight
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
