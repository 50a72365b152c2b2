#include "actors/robot.hpp"

namespace telemetry {

robot::robot(caf::actor_config& config, engine_context& context) : robot_actor::base(config) {
  end_process_on_exception(*this, context);
}

robot::behavior_type robot::make_behavior() {
  return {[this](const robot_message::view& what) { view(what); }};
}

void robot::load(const robot_row& row) {
  id_ = row.id;
  track_ = robot_track{row.state};
}

void robot::offer(shard_batch& batch, std::uint32_t first) {
  for (auto i = first; i != shard_batch::no_event; i = batch.events[i].next) {
    const auto& event = batch.events[i];
    // Rule 13: an event is judged by the stamp of its own batch, even if it was parked.
    const auto verdict = track_.offer(event.timestamp, event.at, batch.stamp);
    if (verdict == verdict::accepted)
      ++batch.accepted;
    const bool is_late = event.answer == nullptr;
    if (is_late && batch.late.empty())
      continue; // rule 23: a replay makes no look-ups and gives no answers
    if (verdict == verdict::sealed)
      batch.olds.push_back({i, id_, track_.seal_point()});
    else if (is_late)
      batch.late[i].what = verdict;
    else
      event.answer->judge(event.index, verdict, -1);
  }
}

robot::collected robot::collect(std::int64_t horizon_ms, robot_id next_id) {
  track_.seal(horizon_ms);
  auto taken = track_.take();
  if (taken.rows && id_ == 0)
    id_ = next_id;
  return {std::move(taken), id_, track_.lowest_untaken_batch()};
}

void robot::view(const robot_message::view& what) {
  auto& out = *what.out;
  out.live = true;
  out.id = id_;
  out.stored_upto = track_.stored_upto();
  if (what.what == robot_message::view_kind::state) {
    if (!track_.empty())
      out.latest = track_.latest();
  } else if (what.what == robot_message::view_kind::rows) {
    // If the store may have rows of the range, the query reads the store first.
    if (what.from > out.stored_upto)
      track_.copy_rows(what.from, what.to, what.limit, out.rows);
  } else {
    track_.copy_rows(what.from, what.to, 1, out.rows);
    if (const auto last = track_.last_row(what.to); last && !out.rows.empty())
      out.rows.push_back(*last);
  }
}

} // namespace telemetry
