#pragma once

#include "actors/engine_context.hpp"
#include "actors/shard_batch.hpp"
#include "core/robot_track.hpp"

#include <caf/all.hpp>

namespace telemetry {

/// Messages from a shard to its robots. They are delivered inline, in the shard's turn, so they may
/// point to what the shard holds.
namespace robot_message {

/// Offer a chain of events of a batch, in order.
struct apply {
  shard_batch* batch;
  robot_slot* slot;
  std::uint32_t first;
};
/// The robot's row; nullptr if the table has none.
struct loaded {
  const robot_row* row;
};
/// Seal, and hand out what is sealed (rule 16).
struct collect {
  struct answer {
    robot_track::taken taken;
    robot_id id;
    std::uint64_t lowest_untaken_batch;
  };
  std::int64_t horizon_ms;
  robot_id next_id; ///< to take if the robot has no id yet
  answer* out;
};
enum class view_kind { state, rows, ends };
/// What does memory hold?
struct view {
  view_kind what;
  timestamp_ms from;
  timestamp_ms to;
  std::size_t limit; ///< of rows
  memory_view* out;
};

} // namespace robot_message
} // namespace telemetry

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::robot_message::apply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::robot_message::loaded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::robot_message::collect)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(telemetry::robot_message::view)

namespace telemetry {

/// ROBOT: one robot name; owns its track. Run inline by its shard, which alone knows its handle.
class robot final : public caf::event_based_actor {
public:
  static inline const char* const actor_name = "robot";

  robot(caf::actor_config& config, engine_context& context);
  [[nodiscard]] const char* name() const override { return actor_name; }

  /// Has the processor fetch the actor: with many robots, cache misses are what a message costs.
  void prefetch() const noexcept;
  /// The same for the end of its track, once the actor itself is there.
  void prefetch_track() const noexcept { track_.prefetch(); }

protected:
  caf::behavior make_behavior() override;

private:
  void apply(const robot_message::apply& what);
  void collect(const robot_message::collect& what);
  void view(const robot_message::view& what) const;

  robot_id id_ = 0;
  robot_track track_;
};

} // namespace telemetry
