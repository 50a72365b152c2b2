#pragma once

#include "actors/engine_context.hpp"
#include "storage/event_store.hpp"
#include "storage/state_cache.hpp"

namespace telemetry {

/// CACHE WRITER: every cache.interval, the latest states of the robots that changed go to the
/// cache. After a failure, or if the cache was restarted or flushed, all of them do: first every
/// shard marks its live robots as changed, then the robot table is copied, then what changed. A
/// live robot is newer than its row; one that leaves memory meanwhile was copied before, since
/// robots that are marked stay.
class cache_writer final : public cache_writer_actor::base {
public:
  static inline const char* const actor_name = "cache_writer";

  cache_writer(caf::actor_config& config, engine_context& context, state_cache& cache,
               event_store& store);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;

private:
  void sweep();
  void begin_rebuild();
  void copy_table();
  void ask_for_changes();
  void ask(std::size_t shard);
  void take_changes(std::size_t shard, const listed_robots& changed);
  void end_sweep();
  void put(const std::vector<listed_robot>& robots);
  void note(const result<void>& outcome);

  engine_context& context_;
  state_cache& cache_;
  event_store& store_;
  bool is_whole_ = false; ///< every robot is in the cache, or among what changed
  bool is_rebuilding_ = false;
  bool is_away_ = false;       ///< said so in the log
  std::size_t shards_due_ = 0; ///< of this sweep
};

} // namespace telemetry
