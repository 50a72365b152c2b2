#include "actors/recovery.hpp"

#include "core/event_codec.hpp"

#include <algorithm>

namespace telemetry {

namespace {

/// Payload bytes that a shard gets per piece.
constexpr std::size_t piece_bytes = 2u << 20;

std::uint64_t count_events(std::string_view payload) {
  std::uint64_t count = 0;
  while (!payload.empty() && decode_event(payload))
    ++count;
  return count;
}

} // namespace

recovery::recovery(caf::actor_config& config, engine_context& context, journal_reader& log)
    : recovery_actor::base(config), context_(context), journal_(log) {}

recovery::behavior_type recovery::make_behavior() {
  end_process_on_exception(*this, context_);
  return {
      [this](recover_atom, const hosted_shard& shard) { return recover(shard); },
  };
}

/// Drops unanswered promises. A promise holds its own actor, which would otherwise never be freed.
void recovery::on_exit() {
  for (const auto& one : std::exchange(running_, {}))
    one->answer = {};
}

/// The next batch number and the floors of later stamps come from marker and journal (rules 7 and
/// 24). The replay itself starts without the floors (rule 22).
caf::result<result<recovered_shard>> recovery::recover(const hosted_shard& shard) {
  const auto& marker = shard.marker;
  const auto last = journal_.last_batch(shard.of.shard);
  if (!last)
    return result<recovered_shard>{last.error()};
  auto answer = make_response_promise<result<recovered_shard>>();
  auto one = std::make_shared<replay>();
  one->shard.log = {shard.of, shard.actor, std::max(marker.cut, *last) + 1, marker.arrival_ms,
                    marker.horizon_ms};
  one->upto = marker.cut;
  one->answer = answer;
  running_.push_back(one);
  go_on(one);
  return answer;
}

/// The next batches of the log; none at its end.
result<replayed_batches> recovery::read_piece(replay& of) {
  auto piece = std::make_shared<std::vector<replayed_batch>>();
  auto& [log, stats] = of.shard;
  std::size_t bytes = 0;
  const auto take = [&, &log = log, &stats = stats](const journal_batch& batch) -> result<void> {
    std::string payload;
    for (const auto part : batch.payload)
      payload += part;
    bytes += payload.size();
    stats.events += count_events(payload);
    ++stats.batches;
    of.upto = batch.stamp.batch_no;
    log.arrival_ms = std::max(log.arrival_ms, batch.stamp.arrival_ms); // rule 24
    log.horizon_ms = std::max(log.horizon_ms, batch.stamp.horizon_ms);
    piece->push_back({batch.stamp, std::move(payload)});
    if (bytes >= piece_bytes)
      return failure{errc::timeout, "enough for this piece"};
    return {};
  };
  const auto outcome = journal_.replay(log.of.shard, of.upto, take);
  if (!outcome && bytes < piece_bytes)
    return outcome.error();
  return piece;
}

void recovery::go_on(const replay_ptr& of) {
  auto piece = read_piece(*of);
  if (!piece)
    return end(of, piece.error());
  if ((*piece)->empty())
    return ask_live(of);
  request(of->shard.log.actor, caf::infinite, replay_atom_v, std::move(*piece))
      .then([this, of](bool) { go_on(of); }, [this, of](const caf::error&) { shard_ended(of); });
}

void recovery::ask_live(const replay_ptr& of) {
  request(of->shard.log.actor, caf::infinite, live_atom_v)
      .then([this, of](bool) { end(of, of->shard); },
            [this, of](const caf::error&) { shard_ended(of); });
}

void recovery::shard_ended(const replay_ptr& of) {
  end(of, failure{errc::shutting_down, "a shard ended during its replay"});
}

void recovery::end(const replay_ptr& of, result<recovered_shard> outcome) {
  std::erase(running_, of);
  of->answer.deliver(std::move(outcome));
}

} // namespace telemetry
