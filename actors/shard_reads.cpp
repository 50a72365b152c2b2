// What queries ask of a shard. Memory is read in the robot's turn, before the store (rule 29).

#include "actors/shard.hpp"

#include "core/name_hash.hpp"

namespace telemetry {

memory_view shard::view(const std::string& name, robot_message::view_kind what, timestamp_ms from,
                        timestamp_ms to, std::size_t limit) {
  memory_view out;
  auto* slot = robots_.find(name, name_hash(name));
  if (slot == nullptr || slot->loading) {
    out.stored_upto = timestamp_max; // what is parked has no answer yet: the store has it all
    return out;
  }
  unit_.deliver(slot->actor, robot_message::view{what, from, to, limit, &out});
  return out;
}

list_answer shard::list(const list_question& question) {
  list_answer out;
  const auto add = [&](robot_slot* slot) {
    // A clean robot equals its row.
    if (slot == nullptr || slot->loading || !(slot->dirty || slot->taken))
      return;
    memory_view seen;
    unit_.deliver(slot->actor,
                  robot_message::view{robot_message::view_kind::state, 0, 0, 0, &seen});
    if (seen.latest)
      out.states.push_back({slot->name, *seen.latest});
  };
  for (const auto& name : question.names)
    add(robots_.find(name, name_hash(name)));
  auto left = question.limit;
  for (auto name = unlisted_.upper_bound(question.after);
       name != unlisted_.end() && (question.upto.empty() || *name <= question.upto); ++name) {
    add(robots_.find(*name, name_hash(*name)));
    if (--left == 0) {
      out.cut_after = *name;
      break;
    }
  }
  return out;
}

} // namespace telemetry
