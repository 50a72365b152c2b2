#include "actors/shard.hpp"

#include "actors/lane.hpp"
#include "core/event_codec.hpp"
#include "core/name_hash.hpp"

#include <algorithm>
#include <limits>

namespace telemetry {

shard::shard(caf::actor_config& config, engine_context& context, const shard_marker& marker)
    : shard_actor::base(config), context_(context), id_(marker.shard),
      unit_(config.host->system(), inline_unit::leftover::runs_here), marker_(marker),
      applied_(marker.cut), arrival_ms_(marker.arrival_ms),
      // Rule 22: the marker's time is a floor for new stamps, never the start of a replay.
      horizon_ms_(std::numeric_limits<std::int64_t>::min()),
      sweep_limit_(sweep_limit(active_max())), sweep_limit_bytes_(sweep_limit(bytes_max())) {}

shard::behavior_type shard::make_behavior() {
  end_process_on_exception(*this, context_);
  return {
      [this](prepare_atom, const commit_ptr& commit) { prepare(commit); },
      [this](committed_atom, const commit_ptr& commit) { committed(commit); },
      [this](replay_atom, const replayed_batches& batches) -> caf::result<bool> {
        auto promise = replay_taken_ = make_response_promise<bool>();
        replay(*batches);
        return promise;
      },
      [this](live_atom) -> caf::result<bool> {
        auto promise = live_ = make_response_promise<bool>();
        delayed_send(this, sweep_interval(), passivate_atom_v);
        report_replay();
        return promise;
      },
      [this](loaded_atom, const activation_ptr& rows) { loaded(*rows); },
      [this](collect_atom) { return collect(); },
      [this](stored_atom, const shard_checkpoint_ptr& what) { stored(*what); },
      [this](state_atom, const std::string& robot) {
        return view(robot, robot_message::view_kind::state, 0, 0, 0);
      },
      [this](rows_atom, const std::string& robot, timestamp_ms from, timestamp_ms to,
             std::uint64_t limit) {
        return view(robot, robot_message::view_kind::rows, from, to, limit);
      },
      [this](ends_atom, const std::string& robot, timestamp_ms from, timestamp_ms to) {
        return view(robot, robot_message::view_kind::ends, from, to, 0);
      },
      [this](list_atom, const list_question_ptr& question) { return list(*question); },
      [this](mark_atom) {
        mark_all();
        return true;
      },
      [this](changed_atom, std::uint64_t limit) { return take_changed(limit); },
      [this](passivate_atom) {
        retry_damaged();
        sweep();
        delayed_send(this, sweep_interval(), passivate_atom_v);
      },
  };
}

/// Ends the robots here, because CAF's clock may hold the last reference to the shard. An actor
/// that ends tells the clock, so a robot that ended on the clock's thread would wait for itself.
///
/// Drops unanswered promises, because a promise holds its own actor.
void shard::on_exit() {
  robots_.clear();
  replay_taken_ = {};
  live_ = {};
}

void shard::prepare(const commit_ptr& commit) {
  const auto part = std::find_if(commit->parts.begin(), commit->parts.end(),
                                 [this](const auto& one) { return one.shard == id_; });
  auto batch = new_batch(part->stamp);
  std::size_t events = 0;
  for (const auto& one : commit->submissions)
    events += one->slices[id_].items.size();
  batch->events.reserve(events);
  for (const auto& one : commit->submissions)
    touch_all(*batch, one->slices[id_]);
  fetch_unknown();
  context_.credit.remove(charge::expected, events * robot_bytes);
  prepared_.push_back(std::move(batch));
}

/// Chains the events of a slice. Meanwhile the processor fetches the robots of later events.
void shard::touch_all(shard_batch& batch, slice& part) {
  constexpr std::uint32_t entries_ahead = 12;
  constexpr std::uint32_t slots_ahead = 6;
  const auto& items = part.items;
  const auto count = static_cast<std::uint32_t>(items.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i + entries_ahead < count)
      robots_.prefetch(items[i + entries_ahead].hash);
    if (i + slots_ahead < count)
      robots_.prefetch_slot(items[i + slots_ahead].hash);
    touch(batch, read_encoded_event(part.bytes.data() + items[i].offset), items[i].hash, &part, i);
  }
}

shard_batch_ptr shard::new_batch(const batch_stamp& stamp) {
  auto batch = spare_ ? std::move(spare_) : std::make_unique<shard_batch>();
  batch->stamp = stamp;
  return batch;
}

/// Keeps the memory of a batch for the next one.
void shard::recycle(shard_batch_ptr batch) {
  constexpr std::size_t events_max = 1u << 16;
  if (batch->events.capacity() > events_max)
    return;
  batch->accepted = 0;
  batch->events.clear();
  batch->touched.clear();
  batch->olds.clear();
  batch->late.clear();
  spare_ = std::move(batch);
}

void shard::committed(const commit_ptr& commit) {
  auto batch = std::move(prepared_.front());
  prepared_.pop_front();
  apply(*batch);
  recycle(std::move(batch));
  if (commit->unapplied.fetch_sub(1, std::memory_order_acq_rel) == 1)
    lane::answer(commit);
}

void shard::replay(const std::vector<replayed_batch>& batches) {
  for (const auto& recorded : batches) {
    auto batch = new_batch(recorded.stamp);
    std::string_view rest = recorded.payload;
    while (!rest.empty()) {
      const auto event = decode_event(rest);
      if (!event)
        context_.fatal({errc::corrupt, "journal of shard " + std::to_string(id_) + ", batch " +
                                           std::to_string(recorded.stamp.batch_no) +
                                           ": an event is damaged"});
      touch(*batch, *event, name_hash(event->robot), nullptr, 0);
    }
    fetch_unknown();
    apply(*batch);
    recycle(std::move(batch));
  }
  report_replay();
}

/// Chains an event to the others of its robot in this batch.
void shard::touch(shard_batch& batch, const event_view& event, std::uint64_t hash, slice* answer,
                  std::uint32_t index) {
  auto* slot = robots_.find(event.robot, hash);
  if (slot == nullptr)
    slot = &activate(event.robot, hash);
  const auto position = static_cast<std::uint32_t>(batch.events.size());
  if (slot->chain_batch == batch.stamp.batch_no) {
    batch.events[slot->chain_tail].next = position;
  } else {
    slot->chain_batch = batch.stamp.batch_no;
    ++slot->pins;
    batch.touched.push_back({slot, position});
  }
  slot->chain_tail = position;
  batch.events.push_back({event.timestamp, event.at, answer, index, shard_batch::no_event});
}

robot_slot& shard::activate(std::string_view name, std::uint64_t hash) {
  auto& slot = robots_.insert(name, hash);
  // Hidden, because its shard owns it, so the system's destructor need not wait for it.
  slot.actor = system().spawn<robot, caf::lazy_init + caf::hidden>(std::ref(context_));
  slot.body = static_cast<robot*>(caf::actor_cast<caf::abstract_actor*>(slot.actor));
  unknown_.push_back(&slot);
  ++loading_;
  return slot;
}

void shard::fetch_unknown() {
  if (unknown_.empty())
    return;
  std::size_t bytes = 0;
  for (const auto* slot : unknown_)
    bytes += slot->charged_bytes();
  charged_ += bytes;
  context_.credit.add(charge::robots, bytes);
  fetch(std::exchange(unknown_, {}));
  if (robots_.size() > sweep_limit_ || charged_ > sweep_limit_bytes_)
    sweep();
}

/// Asks for the rows of `robots`.
void shard::fetch(std::vector<robot_slot*> robots) {
  auto wanted = std::make_shared<activation>();
  wanted->robots = std::move(robots);
  std::sort(wanted->robots.begin(), wanted->robots.end(), by_name);
  wanted->names.reserve(wanted->robots.size());
  for (const auto* slot : wanted->robots)
    wanted->names.push_back(slot->name);
  caf::anon_send(context_.reader_of(id_), load_atom_v, caf::actor_cast<shard_actor>(this),
                 std::move(wanted));
}

/// Tells the processor to fetch the robots some places behind `at`.
void shard::prefetch_ahead(std::span<robot_slot* const> slots, std::size_t at) {
  constexpr std::size_t slots_ahead = 12;
  constexpr std::size_t robots_ahead = 6;
  constexpr std::size_t tracks_ahead = 3;
  if (at + slots_ahead < slots.size())
    slots[at + slots_ahead]->prefetch();
  if (at + robots_ahead < slots.size())
    slots[at + robots_ahead]->body->prefetch();
  if (at + tracks_ahead < slots.size())
    slots[at + tracks_ahead]->body->prefetch_track();
}

void shard::apply(shard_batch& batch) {
  turn_ms_ = context_.time.steady_ms();
  applied_ = batch.stamp.batch_no;
  arrival_ms_ = std::max(arrival_ms_, batch.stamp.arrival_ms);
  horizon_ms_ = std::max(horizon_ms_, batch.stamp.horizon_ms);
  constexpr std::size_t robots_ahead = 6;
  constexpr std::size_t tracks_ahead = 3;
  const auto& touched = batch.touched;
  for (std::size_t i = 0; i < touched.size(); ++i) {
    if (i + robots_ahead < touched.size())
      touched[i + robots_ahead].robot->body->prefetch();
    if (i + tracks_ahead < touched.size())
      touched[i + tracks_ahead].robot->body->prefetch_track();
    const auto [slot, first] = touched[i];
    if (slot->loading) {
      park(*slot, batch, first);
      continue;
    }
    run(*slot, batch, first);
    --slot->pins;
  }
  note_late(batch);
  give_late();
  charge_rows(batch.accepted);
  seal_quiet();
}

/// Rule 28: the robot's events wait in order. If its row is damaged, they wait until the row is
/// mended, but are answered now, so that they do not delay the answers behind them.
void shard::park(robot_slot& slot, const shard_batch& batch, std::uint32_t first) {
  for (auto i = first; i != shard_batch::no_event; i = batch.events[i].next) {
    const auto& event = batch.events[i];
    verdict_place place;
    if (event.answer != nullptr && slot.damaged)
      event.answer->judge(event.index, verdict::damaged, -1);
    else if (event.answer != nullptr)
      place = lane::defer(*event.answer->owner, id_, event.index);
    slot.parked.push_back({event.timestamp, event.at, batch.stamp, std::move(place)});
  }
  parked_.insert(batch.stamp.batch_no);
}

/// Charges accepted rows to the node's credit until a checkpoint has stored them.
void shard::charge_rows(std::size_t rows) {
  context_.credit.add(charge::rows, rows * sizeof(track_row));
  if (context_.credit.needs_checkpoint()) // what is sealed has to leave memory
    caf::anon_send(context_.checkpointer, checkpoint_atom_v);
}

void shard::run(robot_slot& slot, shard_batch& batch, std::uint32_t first) {
  const auto accepted_before = batch.accepted;
  slot.body->offer(batch, first);
  slot.last_used_ms = turn_ms_;
  if (batch.accepted == accepted_before)
    return;
  slot.last_arrival_ms = batch.stamp.arrival_ms;
  if (context_.options.cache_interval.count() > 0 && !std::exchange(slot.uncached, true))
    uncached_.push_back(&slot);
  if (!slot.dirty) {
    slot.dirty = true;
    dirty_.push_back(&slot);
  }
  if (!slot.awaits_seal) {
    slot.awaits_seal = true;
    unsealed_.push_back({&slot, slot.last_arrival_ms});
  }
}

void shard::loaded(activation& rows) {
  turn_ms_ = context_.time.steady_ms();
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < rows.robots.size(); ++i) {
    prefetch_ahead(rows.robots, i);
    auto* slot = rows.robots[i];
    if (!slot->damaged)
      --loading_;
    const auto& outcome = rows.rows[i];
    if (!outcome) {
      set_aside_damaged(*slot, outcome.error());
      continue;
    }
    slot->loading = false;
    if (const auto& row = *outcome)
      slot->body->load(*row);
    else
      unlisted_.add(*slot);
    accepted += unpark(*slot);
    if (slot->damaged)
      heal(*slot);
  }
  give_late();
  charge_rows(accepted);
  seal_quiet();
  report_replay();
}

/// Sets a robot aside because its row in the robot table is damaged. Its events in the journal stay
/// parked, which keeps the cut below them. Further events of it are refused before the journal.
void shard::set_aside_damaged(robot_slot& slot, const failure& why) {
  damaged_[&slot] = std::make_shared<const failure>(why);
  if (std::exchange(slot.damaged, true)) {
    damaged_due_ = false;
    return;
  }
  context_.damaged.hold(slot.name, why);
  context_.damaged.refuse(slot.name);
  for (auto& event : slot.parked)
    if (auto place = std::exchange(event.place, {}); place.source)
      late_verdicts_.push_back({std::move(place), verdict::damaged});
}

/// Marks a robot as intact again, after its row was read and its parked events were offered.
void shard::heal(robot_slot& slot) {
  damaged_due_ = false;
  slot.damaged = false;
  damaged_.erase(&slot);
  context_.damaged.release(slot.name);
}

/// Reads damaged rows again, because an operator may have mended or removed them.
void shard::retry_damaged() {
  if (damaged_.empty() || std::exchange(damaged_due_, true))
    return;
  std::vector<robot_slot*> robots;
  for (const auto& [slot, why] : damaged_)
    robots.push_back(slot);
  fetch(std::move(robots));
}

/// Offers all parked events of a robot. @returns how many were accepted.
std::size_t shard::unpark(robot_slot& slot) {
  std::size_t accepted = 0;
  const auto parked = std::exchange(slot.parked, {});
  for (std::span left{parked}; !left.empty();) {
    const auto batch_no = left.front().stamp.batch_no;
    const auto end = std::find_if(left.begin(), left.end(), [&](const auto& event) {
      return event.stamp.batch_no != batch_no;
    });
    const auto chain = left.first(static_cast<std::size_t>(end - left.begin()));
    accepted += offer_parked(slot, chain);
    --slot.pins;
    parked_.erase(parked_.find(batch_no));
    left = left.subspan(chain.size());
  }
  return accepted;
}

/// Offers the parked events of one batch. All verdicts go out late, because the commit may have
/// been answered already and the I/O thread may be reading its other verdicts.
std::size_t shard::offer_parked(robot_slot& slot, std::span<const parked_event> chain) {
  auto batch = new_batch(chain.front().stamp);
  for (const auto& event : chain) {
    const auto next = static_cast<std::uint32_t>(batch->events.size() + 1);
    batch->events.push_back({event.timestamp, event.at, nullptr, 0, next});
    if (event.place.source)
      batch->late.push_back({event.place});
  }
  batch->events.back().next = shard_batch::no_event;
  run(slot, *batch, 0);
  const auto accepted = batch->accepted;
  note_late(*batch);
  recycle(std::move(batch));
  return accepted;
}

/// Gathers the verdicts of `batch` that do not go out with its commit.
void shard::note_late(shard_batch& batch) {
  for (const auto& old : batch.olds) {
    const auto& event = batch.events[old.event];
    auto place = event.answer != nullptr ? lane::defer(*event.answer->owner, id_, event.index)
                                         : std::move(batch.late[old.event].place);
    store_lookups_.push_back({{old.id, event.timestamp},
                              event.at,
                              {std::move(place), verdict::pending, old.seal_point}});
  }
  for (auto& one : batch.late) {
    if (one.what != verdict::pending)
      late_verdicts_.push_back(std::move(one));
  }
}

/// Sends off what this turn has gathered. Rule 12: memory was asked in the robot's turn; the store
/// comes after it, off this shard.
void shard::give_late() {
  lane::answer_late(std::exchange(late_verdicts_, {}));
  if (!store_lookups_.empty())
    caf::anon_send(context_.reader_of(id_), lookup_atom_v,
                   std::make_shared<std::vector<old_event>>(std::exchange(store_lookups_, {})));
}

/// Rule 5: takes robots whose latest event has arrived by the horizon off the queue. Their next
/// offer or collect will seal all their events.
void shard::seal_quiet() {
  while (!unsealed_.empty() && unsealed_.front().arrival_ms <= horizon_ms_) {
    auto* slot = unsealed_.front().slot;
    unsealed_.pop_front();
    slot->awaits_seal = slot->last_arrival_ms > horizon_ms_;
    if (slot->awaits_seal)
      unsealed_.push_back({slot, slot->last_arrival_ms});
  }
  const bool holds = !unsealed_.empty();
  const bool held = context_.status[id_].holds_unsealed.exchange(holds, std::memory_order_acq_rel);
  if (holds && !held) // the writer may have seen the old value and set no timer
    caf::anon_send(context_.writer, unsealed_atom_v);
}

/// Rule 25: the recovery goes on when no event of the replay is parked any more.
void shard::report_replay() {
  if (loading_ > 0)
    return;
  for (auto* promise : {&replay_taken_, &live_})
    if (promise->pending())
      std::exchange(*promise, {}).deliver(true);
}

} // namespace telemetry
