// Reads of a shard for queries and the cache writer. They read memory in the robot's turn, before
// the query reads the store (rule 29).

#include "actors/shard.hpp"

#include "core/name_hash.hpp"

namespace telemetry {

memory_view shard::view(const std::string& name, robot_message::view_kind what, timestamp_ms from,
                        timestamp_ms to, std::size_t limit) {
  memory_view out;
  auto* slot = robots_.find(name, name_hash(name));
  if (slot == nullptr || slot->loading) {
    out.stored_upto =
        timestamp_max; // the store has all answered events; parked ones have no answer
    if (slot != nullptr && slot->damaged)
      out.damage = damaged_.at(slot);
    return out;
  }
  unit_.deliver(slot->actor, robot_message::view{what, from, to, limit, &out});
  return out;
}

list_answer shard::list(const list_question& question) {
  list_answer out;
  const auto add = [&](robot_slot* slot) {
    if (slot != nullptr && slot->damaged)
      out.withheld.push_back(slot->name);
    // A robot that is neither dirty nor taken equals its row.
    if (slot == nullptr || slot->loading || !(slot->dirty || slot->taken))
      return;
    memory_view seen;
    unit_.deliver(slot->actor,
                  robot_message::view{robot_message::view_kind::state, 0, 0, 0, &seen});
    if (seen.latest)
      out.states.push_back({slot->name, *seen.latest});
  };
  constexpr std::size_t slots_ahead = 8;
  const auto& names = question.names;
  std::vector<std::uint64_t> hashes;
  hashes.reserve(names.size());
  for (const auto& name : names) {
    hashes.push_back(name_hash(name));
    robots_.prefetch(hashes.back());
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i + slots_ahead < names.size())
      robots_.prefetch_slot(hashes[i + slots_ahead]);
    add(robots_.find(names[i], hashes[i]));
  }
  auto left = question.limit;
  const auto& range = question.range;
  unlisted_.for_each_above(range.after, [&](robot_slot& slot) {
    if ((!question.upto.empty() && slot.name > question.upto) ||
        (!range.before.empty() && slot.name >= range.before))
      return false;
    add(&slot);
    if (--left == 0)
      out.cut_after = slot.name;
    return left > 0;
  });
  return out;
}

void shard::mark_all() {
  robots_.for_each([this](robot_slot& slot) {
    if (!slot.loading && !std::exchange(slot.uncached, true))
      uncached_.push_back(&slot);
  });
}

listed_robots shard::take_changed(std::size_t limit) {
  auto out = std::make_shared<std::vector<listed_robot>>();
  for (; !uncached_.empty() && out->size() < limit; uncached_.pop_back()) {
    auto* slot = uncached_.back();
    slot->uncached = false;
    memory_view seen;
    unit_.deliver(slot->actor,
                  robot_message::view{robot_message::view_kind::state, 0, 0, 0, &seen});
    if (seen.latest)
      out->push_back({slot->name, *seen.latest});
  }
  return out;
}

} // namespace telemetry
