// The journal writer's first task: replay (rules 7 and 22-25).

#include "actors/journal_writer.hpp"

#include "core/event_codec.hpp"

#include <algorithm>
#include <limits>

namespace telemetry {

namespace {

/// Payload bytes that a shard gets per step, so that a replay of any length runs in bounded memory.
constexpr std::size_t replay_step_bytes = 2u << 20;

std::uint64_t count_events(std::string_view payload) {
  std::uint64_t count = 0;
  while (!payload.empty() && decode_event(payload))
    ++count;
  return count;
}

} // namespace

caf::result<result<recovery_stats>> journal_writer::recover() {
  if (const auto outcome = read_floors(); !outcome)
    return result<recovery_stats>{outcome.error()};
  recovered_ = make_response_promise<result<recovery_stats>>();
  shards_recovering_ = logs_.size();
  for (std::uint32_t shard = 0; shard < logs_.size(); ++shard)
    replay_next(shard);
  return recovered_;
}

/// Reads the batch numbers and time floors that later batches continue. The replay itself starts
/// without them (rule 22).
result<void> journal_writer::read_floors() {
  for (const auto& marker : markers_) {
    const auto last = journal_.last_batch(marker.shard);
    if (!last)
      return last.error();
    logs_.push_back(
        {std::max(marker.cut, *last) + 1, marker.arrival_ms, marker.horizon_ms, marker.cut});
    arrival_max_ms_ = std::max(arrival_max_ms_, marker.arrival_ms);
  }
  return {};
}

void journal_writer::replay_next(std::uint32_t shard) {
  auto& log = logs_[shard];
  auto step = std::make_shared<std::vector<replayed_batch>>();
  std::size_t bytes = 0;
  const auto take = [&](const journal_batch& batch) -> result<void> {
    std::string payload;
    for (const auto part : batch.payload)
      payload += part;
    bytes += payload.size();
    stats_.events += count_events(payload);
    ++stats_.batches;
    log.replayed_upto = batch.stamp.batch_no;
    log.arrival_ms = std::max(log.arrival_ms, batch.stamp.arrival_ms); // rule 24
    log.horizon_ms = std::max(log.horizon_ms, batch.stamp.horizon_ms);
    step->push_back({batch.stamp, std::move(payload)});
    if (bytes >= replay_step_bytes)
      return failure{errc::timeout, "enough for this step"};
    return {};
  };
  const auto outcome = journal_.replay(shard, log.replayed_upto, take);
  if (!outcome && bytes < replay_step_bytes)
    return context_.fatal(outcome.error());
  arrival_max_ms_ = std::max(arrival_max_ms_, log.arrival_ms);
  if (step->empty())
    send(context_.shards[shard], live_atom_v);
  else
    send(context_.shards[shard], replay_atom_v, std::move(step));
}

void journal_writer::shard_is_live() {
  if (--shards_recovering_ > 0)
    return;
  // Rule 2: the node's clock starts above everything on record.
  context_.serving.start(std::max(context_.time.wall(), arrival_max_ms_));
  live_ = true;
  trim(markers_); // a crash may have prevented the trim after the last checkpoint
  schedule_tick();
  if (!waiting_.empty())
    commit();
  recovered_.deliver(result<recovery_stats>{stats_});
}

} // namespace telemetry
