#include "actors/checkpointer.hpp"

#include "config/log.hpp"

#include <algorithm>
#include <limits>
#include <sys/resource.h>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>

namespace telemetry {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds retry_delay{500};
/// Shortest time between two checkpoints that are made to free memory.
constexpr std::int64_t pause_ms = 100;

} // namespace

checkpointer::checkpointer(caf::actor_config& config, engine_context& context, event_store& store)
    : checkpointer_actor::base(config), context_(context), store_(store) {}

checkpointer::behavior_type checkpointer::make_behavior() {
  end_process_on_exception(*this, context_);
  delayed_send(this, context_.options.checkpoint_interval, interval_atom_v);
  return {
      [this](adopt_atom, const hosted_shard& shard) {
        shards_.insert_or_assign(shard.of.shard, shard);
      },
      [this](checkpoint_atom) {
        if (context_.time.steady_ms() - last_done_ms_ >= pause_ms)
          start();
        else if (!running_ && !std::exchange(deferred_, true))
          delayed_send(this, milliseconds{pause_ms}, checkpoint_atom_v);
      },
      [this](interval_atom) {
        start();
        delayed_send(this, context_.options.checkpoint_interval, interval_atom_v);
      },
      [this](retry_checkpoint_atom) { write(); },
      [this](finish_atom) -> caf::result<bool> {
        auto promise = make_response_promise<bool>();
        finishing_.push_back(promise);
        if (!running_)
          finish();
        else if (away_)
          failed({errc::shutting_down, "stopped while the store is away"});
        return promise;
      },
  };
}

/// Drops unanswered promises. A promise holds its own actor, which would otherwise never be freed.
void checkpointer::on_exit() { finishing_.clear(); }

void checkpointer::start() {
  if (std::exchange(running_, true)) // rule 18
    return;
  deferred_ = false;
  parts_.clear();
  content_ = {};
  if (shards_.empty())
    write();
  else
    collect();
}

void checkpointer::collect() {
  context_.health.shards_busy(context_.time.steady_ms());
  uncollected_ = shards_.size();
  // No deadline, because the whole process may stand still for a minute. /readyz reports a shard
  // that does not answer.
  for (const auto& [_, shard] : shards_)
    request(shard.actor, caf::infinite, collect_atom_v)
        .then([this](const shard_checkpoint_ptr& part) { collected(part); },
              [this](const caf::error&) {
                context_.fatal({errc::unavailable, "a shard ended amid a checkpoint"});
              });
}

void checkpointer::collected(const shard_checkpoint_ptr& part) {
  parts_.push_back(part);
  if (--uncollected_ > 0)
    return;
  context_.health.shards_busy(std::nullopt);
  for (const auto& one : parts_) {
    content_.robots.insert(content_.robots.end(), std::make_move_iterator(one->robots.begin()),
                           std::make_move_iterator(one->robots.end()));
    one->robots.clear();
    content_.tenures.push_back(shards_.at(one->shard).of);
  }
  gather_markers();
  write();
}

void checkpointer::gather_markers() {
  content_.markers.clear();
  for (const auto& one : parts_)
    if (one->rows > 0 || one->marker.cut > shards_.at(one->shard).marker.cut)
      content_.markers.push_back(one->marker);
}

/// Takes damaged robots out of the checkpoint. Their rows stay with their shards. They also stay in
/// the journal, because the cut of the shard stays below them (rule 17).
void checkpointer::leave_out(const std::vector<damaged_robot>& damaged) {
  std::unordered_set<std::string_view> names;
  for (const auto& one : damaged) {
    context_.damaged.hold(one.name, one.why);
    names.insert(one.name);
  }
  std::unordered_map<std::uint32_t, shard_checkpoint*> parts;
  for (const auto& one : parts_)
    parts.emplace(one->shard, one.get());
  std::erase_if(content_.robots, [&](checkpoint::robot& robot) {
    if (!names.contains(robot.name))
      return false;
    auto& part = *parts.at(shard_of_id(robot.id));
    auto lowest = std::numeric_limits<std::uint64_t>::max();
    for (const auto& row : *robot.rows)
      lowest = std::min(lowest, row.batch_no);
    part.marker.cut =
        std::max(shards_.at(part.shard).marker.cut, std::min(part.marker.cut, lowest - 1));
    part.rows -= robot.rows->size();
    part.left_out.push_back(std::move(robot));
    return true;
  });
  gather_markers();
}

/// Lowers the priority of this thread, because threads that answer producers come first.
void checkpointer::lower_priority() {
  constexpr int niceness = 10;
  if (context_.options.detach && !std::exchange(has_low_priority_, true))
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness); // Linux: this thread only
}

void checkpointer::write() {
  lower_priority();
  while (!content_.markers.empty()) {
    const auto outcome = store_.commit(content_);
    if (!outcome)
      return failed(outcome.error());
    if (outcome->empty())
      break;
    leave_out(*outcome);
  }
  written();
}

void checkpointer::written() {
  if (std::exchange(away_, false)) {
    log::info("store takes checkpoints again");
    context_.health.store_away("");
  }
  ++context_.store_version;
  // Rule 21: rows leave memory and the journal only after they are in the store.
  for (const auto& one : parts_)
    send(shards_.at(one->shard).actor, stored_atom_v, one);
  if (!content_.markers.empty())
    send(context_.writer, trim_atom_v, content_.markers);
  for (const auto& marker : content_.markers)
    shards_.at(marker.shard).marker = marker;
  parts_.clear();
  content_ = {};
  running_ = false;
  last_done_ms_ = context_.time.steady_ms();
  if (!context_.credit.is_open()) {
    context_.serving.go_on_unread();
    delayed_send(this, milliseconds{pause_ms}, checkpoint_atom_v);
  }
  if (!finishing_.empty())
    finish();
}

void checkpointer::failed(const failure& why) {
  switch (why.code) {
  case errc::no_space:
  case errc::unavailable:
  case errc::timeout:
  case errc::shutting_down:
    break;
  default:
    return context_.fatal(why);
  }
  if (!std::exchange(away_, true))
    log::error("store refuses checkpoints: memory fills up until it takes them again",
               {{"error", to_string(why.code)}, {"reason", why.text}});
  context_.health.store_away(why.text);
  // A stop need not wait for the store, because the journal has all events.
  for (auto& promise : std::exchange(finishing_, {}))
    promise.deliver(false);
  if (why.code != errc::shutting_down)
    delayed_send(this, retry_delay, retry_checkpoint_atom_v);
}

/// Runs one more checkpoint, then answers.
void checkpointer::finish() {
  if (!std::exchange(is_final_, true))
    return start();
  is_final_ = false;
  for (auto& promise : std::exchange(finishing_, {}))
    promise.deliver(true);
}

} // namespace telemetry
