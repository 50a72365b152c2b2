#pragma once

#include "actors/engine_context.hpp"

#include <vector>

namespace telemetry {

/// SHARD HOST: begins the tenures of this node. For each it spawns a shard actor, has the journal
/// replayed into it, and gives its log to the journal writer.
///
/// A single node begins one tenure of every shard and serves when all of them are recovered,
/// because an event may be of any shard.
class shard_host final : public shard_host_actor::base {
public:
  static inline const char* const actor_name = "shard_host";

  shard_host(caf::actor_config& config, engine_context& context);
  [[nodiscard]] const char* name() const override { return actor_name; }

protected:
  behavior_type make_behavior() override;
  void on_exit() override;

private:
  void begin(const tenure& of, const shard_marker& marker);
  void recovered(const result<recovered_shard>& outcome);
  void serve();

  engine_context& context_;
  std::vector<shard_marker> markers_; ///< of the store at start
  std::vector<shard_log> recovered_;
  recovery_stats stats_; ///< over `recovered_`
  caf::typed_response_promise<result<recovery_stats>> started_;
};

} // namespace telemetry
