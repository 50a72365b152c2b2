// The shard's part in checkpoints (rules 15-18, 21) and passivation (rule 27).

#include "actors/shard.hpp"

#include <algorithm>

namespace telemetry {

shard_checkpoint_ptr shard::collect() {
  auto what = std::make_shared<shard_checkpoint>();
  what->shard = id_;
  // Rule 17: what is not in the store after this checkpoint keeps its batch in the journal.
  auto lowest_kept = applied_ + 1;
  if (!parked_.empty())
    lowest_kept = std::min(lowest_kept, *parked_.begin());
  // Rows of before, whose robots may be mended by now.
  for (auto& [slot, content] : held_) {
    taken_.push_back(slot);
    what->rows += content.rows->size();
    what->robots.push_back(std::move(content));
  }
  held_.clear();
  std::vector<robot_slot*> still_dirty;
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    prefetch_ahead(dirty_, i);
    auto* slot = dirty_[i];
    if (slot->held) { // its newer rows come after those
      lowest_kept = std::min(lowest_kept, slot->body->lowest_untaken_batch());
      still_dirty.push_back(slot);
      continue;
    }
    // Rule 15: the horizon of the last batch applied; no clock is read.
    const auto next_id = robot_id{id_} << 48 | (marker_.last_counter + 1);
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
  std::unordered_map<std::string_view, checkpoint::robot*> left_out;
  for (auto& one : what.left_out)
    left_out.emplace(one.name, &one);
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    prefetch_ahead(taken_, i);
    auto& slot = *taken_[i];
    if (!left_out.empty())
      if (const auto found = left_out.find(slot.name); found != left_out.end()) {
        slot.held = true;
        held_.push_back({&slot, std::move(*found->second)});
        continue;
      }
    slot.body->stored();
    slot.taken = false;
    slot.unlisted = false;
    if (std::exchange(slot.held, false))
      context_.damaged.release(slot.name);
  }
  taken_.clear();
  refuse_above_share();
  unlisted_.forget_listed();
  context_.credit.remove_memory(what.rows * sizeof(track_row));
  if (robots_.size() > active_max()) // what kept them alive has left them
    sweep();
}

/// Rows that are held for damaged robots have an eighth of the memory for rows: when that is full,
/// their events are refused, before they take the memory of the others.
void shard::refuse_above_share() {
  if (held_.empty())
    return;
  constexpr std::size_t share_divisor = 8;
  const auto share = context_.options.memory_bytes_max / share_divisor / context_.status.size();
  std::size_t rows = 0;
  for (const auto& one : held_)
    rows += one.slot->body->rows();
  if (rows * sizeof(track_row) > share)
    for (const auto& one : held_)
      context_.damaged.refuse(one.slot->name);
}

std::size_t shard::active_max() const {
  const auto shards = context_.status.size();
  return (context_.options.robots_active_max + shards - 1) / shards;
}

/// A sweep looks at every robot: the next one is due when there are an eighth more.
std::size_t shard::crowd_above(std::size_t robots) { return robots + robots / 8; }

std::chrono::milliseconds shard::sweep_interval() const {
  return std::clamp(context_.options.robots_idle / 8, std::chrono::milliseconds{50},
                    std::chrono::milliseconds{10'000});
}

void shard::sweep() {
  const auto now_ms = context_.time.steady_ms();
  std::vector<robot_slot*> idle;
  std::vector<robot_slot*> rested;
  robots_.for_each([&](robot_slot& slot) {
    if (!slot.may_passivate())
      return;
    const bool is_idle = now_ms - slot.last_used_ms >= context_.options.robots_idle.count();
    (is_idle ? idle : rested).push_back(&slot);
  });
  const auto left = robots_.size() - idle.size();
  if (left > active_max()) {
    // Too many: the least recently used go as well.
    const auto excess = std::min(left - active_max(), rested.size());
    std::nth_element(
        rested.begin(), rested.begin() + static_cast<std::ptrdiff_t>(excess), rested.end(),
        [](const robot_slot* a, const robot_slot* b) { return a->last_used_ms < b->last_used_ms; });
    idle.insert(idle.end(), rested.begin(), rested.begin() + static_cast<std::ptrdiff_t>(excess));
    constexpr std::int64_t pause_ms = 1'000;
    if (left - excess > active_max() && now_ms - hurried_ms_ >= pause_ms) {
      hurried_ms_ = now_ms; // the others wait for a checkpoint
      caf::anon_send(context_.checkpointer, checkpoint_atom_v);
    }
  }
  for (auto* slot : idle)
    robots_.erase(*slot);
  crowded_at_ = crowd_above(std::max(robots_.size(), active_max()));
  constexpr std::size_t worth_trimming = 1'000;
  if (idle.size() >= worth_trimming)
    context_.memory_freed.store(true);
}

} // namespace telemetry
