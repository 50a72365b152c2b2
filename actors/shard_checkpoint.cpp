// The shard's part in checkpoints (rules 15-18, 21) and passivation (rule 27).

#include "actors/shard.hpp"

#include <algorithm>

namespace telemetry {

shard_checkpoint_ptr shard::collect() {
  auto what = std::make_shared<shard_checkpoint>();
  what->shard = id_;
  // Rule 17: events that this checkpoint does not store keep their batches in the journal.
  auto lowest_kept = applied_ + 1;
  if (!parked_.empty())
    lowest_kept = std::min(lowest_kept, *parked_.begin());
  // Rows that the last checkpoint left out. An operator may have mended their robots by now.
  for (auto& [slot, content] : left_out_) {
    taken_.push_back(slot);
    what->rows += content.rows->size();
    what->robots.push_back(std::move(content));
  }
  left_out_.clear();
  std::vector<robot_slot*> still_dirty;
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    prefetch_ahead(dirty_, i);
    auto* slot = dirty_[i];
    if (slot->left_out) { // its newer rows come after those
      lowest_kept = std::min(lowest_kept, slot->body->lowest_untaken_batch());
      still_dirty.push_back(slot);
      continue;
    }
    // Rule 15: seals by the horizon of the last batch applied, not by a clock.
    const auto next_id = first_id_of(id_) | (marker_.last_counter + 1);
    auto robot = slot->body->collect(horizon_ms_, next_id);
    lowest_kept = std::min(lowest_kept, robot.lowest_untaken_batch);
    slot->dirty = robot.lowest_untaken_batch != UINT64_MAX;
    if (slot->dirty)
      still_dirty.push_back(slot);
    if (!robot.taken.rows)
      continue;
    if (robot.id == next_id)
      ++marker_.last_counter;
    slot->taken = true;
    taken_.push_back(slot);
    what->rows += robot.taken.rows->size();
    what->robots.push_back({slot->name, robot.id, robot.taken.state, std::move(robot.taken.rows)});
  }
  dirty_ = std::move(still_dirty);
  marker_.cut = std::max(marker_.cut, lowest_kept - 1);
  marker_.arrival_ms = std::max(marker_.arrival_ms, arrival_ms_);
  marker_.horizon_ms = std::max(marker_.horizon_ms, horizon_ms_);
  what->marker = marker_;
  return what;
}

void shard::stored(shard_checkpoint& what) {
  marker_.cut = what.marker.cut; // which is lower if robots were left out
  std::unordered_map<std::string_view, checkpoint::robot*> left_out_now;
  for (auto& one : what.left_out)
    left_out_now.emplace(one.name, &one);
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    prefetch_ahead(taken_, i);
    auto& slot = *taken_[i];
    if (!left_out_now.empty())
      if (const auto found = left_out_now.find(slot.name); found != left_out_now.end()) {
        slot.left_out = true;
        left_out_.push_back({&slot, std::move(*found->second)});
        continue;
      }
    slot.body->stored();
    slot.taken = false;
    slot.unlisted = false;
    if (std::exchange(slot.left_out, false))
      context_.damaged.release(slot.name);
  }
  taken_.clear();
  refuse_above_share();
  unlisted_.forget_listed();
  context_.credit.remove(charge::rows, what.rows * sizeof(track_row));
  if (excess_of(robots_.size(), charged_) > 0) // robots without untaken rows may leave now
    sweep();
}

/// The rows of robots that checkpoints leave out may take an eighth of storage.memory_max, divided
/// by the number of shards. When they take more, the events of these robots are refused, so that
/// they do not take the memory of the others.
void shard::refuse_above_share() {
  if (left_out_.empty())
    return;
  constexpr std::size_t share_divisor = 8;
  const auto share = context_.options.memory_bytes_max / share_divisor / context_.status.size();
  std::size_t rows = 0;
  for (const auto& one : left_out_)
    rows += one.slot->body->rows();
  if (rows * sizeof(track_row) > share)
    for (const auto& one : left_out_)
      context_.damaged.refuse(one.slot->name);
}

std::size_t shard::active_max() const {
  const auto shards = context_.status.size();
  return (context_.options.robots_active_max + shards - 1) / shards;
}

/// Rounded down, so that all shards together leave room for rows at any limit.
std::size_t shard::bytes_max() const {
  return context_.options.robots_bytes_max() / context_.status.size();
}

/// How many robots have to leave memory. @param bytes charged for all `robots`.
std::size_t shard::excess_of(std::size_t robots, std::size_t bytes) const {
  const auto too_many = robots > active_max() ? robots - active_max() : 0;
  if (bytes <= bytes_max())
    return too_many;
  const auto average = bytes / robots;
  return std::max(too_many, (bytes - bytes_max() + average - 1) / average);
}

/// Growth by an eighth starts the next sweep. Not earlier, because a sweep visits every robot.
std::size_t shard::sweep_limit(std::size_t robots_or_bytes) {
  return robots_or_bytes + robots_or_bytes / 8;
}

std::chrono::milliseconds shard::sweep_interval() const {
  return std::clamp(context_.options.robots_idle / 8, std::chrono::milliseconds{50},
                    std::chrono::milliseconds{10'000});
}

void shard::sweep() {
  const auto now_ms = context_.time.steady_ms();
  // Producers do not wait longer for the cache, because no guarantee depends on it.
  constexpr std::int64_t cache_patience_ms = 2'000;
  const bool waits_for_cache = context_.credit.closed_ms() < cache_patience_ms;
  std::vector<robot_slot*> leaving; // idle robots first
  std::vector<robot_slot*> rested;
  auto bytes = charged_;
  robots_.for_each([&](robot_slot& slot) {
    if (!slot.may_passivate() || (slot.uncached && waits_for_cache))
      return;
    const bool is_idle = now_ms - slot.last_used_ms >= context_.options.robots_idle.count();
    (is_idle ? leaving : rested).push_back(&slot);
    bytes -= is_idle ? slot.charged_bytes() : 0;
  });
  const auto excess = excess_of(robots_.size() - leaving.size(), bytes);
  if (excess > 0) { // the least recently used robots leave as well
    const auto end = rested.begin() + static_cast<std::ptrdiff_t>(std::min(excess, rested.size()));
    std::nth_element(
        rested.begin(), end, rested.end(),
        [](const robot_slot* a, const robot_slot* b) { return a->last_used_ms < b->last_used_ms; });
    leaving.insert(leaving.end(), rested.begin(), end);
    constexpr std::int64_t pause_ms = 1'000;
    if (excess > rested.size() && now_ms - checkpoint_asked_ms_ >= pause_ms) {
      checkpoint_asked_ms_ = now_ms; // the other robots cannot leave before a checkpoint
      caf::anon_send(context_.checkpointer, checkpoint_atom_v);
    }
  }
  passivate(leaving);
  sweep_limit_ = sweep_limit(std::max(robots_.size(), active_max()));
  sweep_limit_bytes_ = sweep_limit(std::max(charged_, bytes_max()));
}

/// @pre robot_slot::may_passivate() is true for all of `leaving`.
void shard::passivate(std::span<robot_slot* const> leaving) {
  std::size_t bytes = 0;
  bool is_uncached = false;
  for (auto* slot : leaving) {
    bytes += slot->charged_bytes();
    is_uncached |= std::exchange(slot->uncached, false);
  }
  if (is_uncached) {
    std::erase_if(uncached_, [](const auto* slot) { return !slot->uncached; });
    context_.cache_lacks_robots.store(true);
  }
  for (auto* slot : leaving)
    robots_.erase(*slot);
  charged_ -= bytes;
  context_.credit.remove(charge::robots, bytes);
  constexpr std::size_t worth_trimming = 1'000;
  if (leaving.size() >= worth_trimming)
    context_.memory_freed.store(true);
}

} // namespace telemetry
