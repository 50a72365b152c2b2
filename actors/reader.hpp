#pragma once

#include "actors/engine_context.hpp"
#include "storage/event_store.hpp"

namespace telemetry {

/// READER: blocking reads of the store, on a thread of its own.
class reader final : public reader_actor::base {
public:
  static inline const char* const actor_name = "reader";

  reader(caf::actor_config& config, engine_context& context, event_store& store);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;

private:
  void load(const shard_actor& shard, const activation_ptr& wanted);
  void look_up(const old_events& olds);
  result<std::optional<robot_row>> row(const std::string& name);
  result<range_ends> ends(robot_id robot, timestamp_ms from, timestamp_ms to);
  /// Ends the process if the store is damaged; otherwise the same may be asked again.
  void survive(const failure& why);

  engine_context& context_;
  event_store& store_;
};

} // namespace telemetry
