#pragma once

#include "actors/engine_context.hpp"
#include "storage/event_store.hpp"
#include "storage/state_cache.hpp"

namespace telemetry {

/// CACHE WRITER: every cache.interval it writes the latest states of changed robots to the cache
/// (ADR 0019).
///
/// After a failure, or if the cache was restarted or flushed, it writes all robots. Every shard
/// marks its robots in memory as changed; then the robot table is copied, then the changed robots.
/// States in memory come last, because they are newer than the robot table. A marked robot does not
/// leave memory before it is copied.
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
  void ask(const shard_actor& shard);
  void take_changes(const shard_actor& shard, const listed_robots& changed);
  void shard_done();
  void end_sweep();
  void put(const std::vector<listed_robot>& robots);
  void note(const result<void>& outcome);

  engine_context& context_;
  state_cache& cache_;
  event_store& store_;
  bool is_whole_ = false; ///< every robot is in the cache, or marked as changed
  bool is_rebuilding_ = false;
  bool is_away_ = false;            ///< the cache failed, and the log says so
  std::vector<shard_actor> shards_; ///< of this sweep
  std::size_t shards_due_ = 0;      ///< of `shards_`, those that have not answered yet
};

} // namespace telemetry
