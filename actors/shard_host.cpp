#include "actors/shard_host.hpp"

#include "actors/shard.hpp"
#include "storage/journal.hpp"

#include <algorithm>

namespace telemetry {

shard_host::shard_host(caf::actor_config& config, engine_context& context)
    : shard_host_actor::base(config), context_(context) {}

shard_host::behavior_type shard_host::make_behavior() {
  end_process_on_exception(*this, context_);
  return {
      [this](host_atom,
             const std::vector<shard_marker>& markers) -> caf::result<result<recovery_stats>> {
        started_ = make_response_promise<result<recovery_stats>>();
        markers_ = markers;
        for (const auto& marker : markers)
          begin({marker.shard, single_node_epoch}, marker);
        return started_;
      },
  };
}

/// Drops unanswered promises. A promise holds its own actor, which would otherwise never be freed.
void shard_host::on_exit() { started_ = {}; }

/// The checkpointer gets to know the shard at once, because a replay of any length has to fit into
/// memory (rule 26).
void shard_host::begin(const tenure& of, const shard_marker& marker) {
  const hosted_shard one{of, system().spawn<shard>(std::ref(context_), marker), marker};
  context_.places.put(of.shard, one.actor);
  send(context_.checkpointer, adopt_atom_v, one);
  request(context_.recovery, caf::infinite, recover_atom_v, one)
      .then([this](const result<recovered_shard>& outcome) { recovered(outcome); },
            [](const caf::error&) { /* the server stops */ });
}

void shard_host::recovered(const result<recovered_shard>& outcome) {
  if (!started_.pending())
    return; // another shard has failed
  if (!outcome) {
    std::exchange(started_, {}).deliver(result<recovery_stats>{outcome.error()});
    return;
  }
  recovered_.push_back(outcome->log);
  stats_.batches += outcome->stats.batches;
  stats_.events += outcome->stats.events;
  if (recovered_.size() == markers_.size())
    serve();
}

void shard_host::serve() {
  // Rule 2: the node's clock starts above everything on record.
  auto start_ms = context_.time.wall();
  for (const auto& log : recovered_)
    start_ms = std::max(start_ms, log.arrival_ms);
  context_.serving.start(start_ms);
  send(context_.writer, adopt_atom_v, std::exchange(recovered_, {}));
  // A crash may have prevented the trim after the last checkpoint.
  send(context_.writer, trim_atom_v, markers_);
  // A single node recovers its shards only once.
  caf::anon_send_exit(context_.recovery, caf::exit_reason::user_shutdown);
  std::exchange(started_, {}).deliver(result<recovery_stats>{stats_});
}

} // namespace telemetry
