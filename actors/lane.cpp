#include "actors/lane.hpp"

#include "actors/shard_batch.hpp"
#include "core/event_codec.hpp"
#include "core/name_hash.hpp"

#include <algorithm>

namespace telemetry {

timestamp_ms future_limit(const engine_context& context) {
  const auto limit = context.options.future_limit.count();
  return limit == 0 ? timestamp_max : context.time.wall() + limit;
}

namespace {

/// Bytes of a late event, parked or on its way to the store. Doubled, because a growing vector may
/// have room for twice its elements.
constexpr std::size_t late_event_bytes = 2 * std::max(sizeof(parked_event), sizeof(old_event));

/// Bytes of heap memory that `one` owns.
std::size_t footprint_of(const submission& one) {
  constexpr std::size_t participant_bytes = 1'024; // a connection actor without its session
  auto bytes = sizeof(submission) + one.slices.capacity() * sizeof(slice) +
               one.participants.size() * participant_bytes;
  for (const auto& part : one.slices)
    bytes += part.bytes.capacity() + part.items.capacity() * sizeof(slice::item) +
             part.verdicts.capacity() * sizeof(verdict);
  return bytes;
}

} // namespace

lane::lane(engine_context& context, net::io_thread& io)
    : context_(context), io_(io),
      unit_(context.writer->home_system(), inline_unit::leftover::runs_here),
      queries_unit_(context.writer->home_system(), inline_unit::leftover::is_handed_over),
      usual_(context.status.size()) {}

/// Ends the members. A member that waits for an answer and its submission hold each other.
lane::~lane() {
  for (const auto& one : std::exchange(members_, {}))
    unit_.deliver(one, caf::exit_msg{one.address(), caf::exit_reason::user_shutdown});
}

const submission_ptr& lane::join(participant& who) {
  if (!current_) {
    current_ = std::make_shared<submission>();
    current_->origin = this;
    current_->slices.resize(context_.status.size());
    for (auto& part : current_->slices)
      part.owner = current_.get();
    schedule_end_of_turn();
  }
  current_->participants.emplace_back(who.ctrl());
  return current_;
}

lane::place lane::add(const permitted_event& permitted) {
  const auto& event = permitted.value();
  const auto hash = name_hash(event.robot);
  const auto shard = shard_of(hash, static_cast<std::uint32_t>(current_->slices.size()));
  auto& part = current_->slices[shard];
  if (part.items.empty()) // only now, because a turn touches few of many shards
    part.reserve(usual_[shard].items, usual_[shard].bytes);
  const auto index = static_cast<std::uint32_t>(part.items.size());
  part.items.push_back({hash, static_cast<std::uint32_t>(part.bytes.size())});
  encode_event(part.bytes, event);
  part.verdicts.push_back(verdict::pending);
  if (++current_->events == submission_events_max)
    hand_over();
  return {shard, index};
}

void lane::await_credit(const participant_actor& who) { waiting_.push_back(who); }

void lane::flush_later(participant_actor keep, flushable& who) {
  unflushed_.emplace_back(std::move(keep), &who);
  schedule_end_of_turn();
}

void lane::schedule_end_of_turn() {
  if (std::exchange(turn_scheduled_, true))
    return;
  io_.post([this] { end_turn(); });
}

void lane::end_turn() {
  turn_scheduled_ = false;
  if (current_)
    hand_over();
  flush_all();
}

/// Gives the current submission to the journal writer.
void lane::hand_over() {
  for (std::size_t shard = 0; shard < usual_.size(); ++shard) {
    const auto& part = current_->slices[shard];
    if (part.items.empty())
      continue;
    auto& usual = usual_[shard];
    usual.items = (usual.items + part.items.size() + 1) / 2;
    usual.bytes = (usual.bytes + part.bytes.size() + 1) / 2;
  }
  if (current_->events > 0) {
    current_->footprint = footprint_of(*current_);
    context_.credit.add(charge::received, current_->footprint);
    caf::anon_send(context_.writer, append_atom_v, std::move(current_));
  }
  current_.reset();
}

void lane::flush_all() {
  for (const auto& [keep, who] : std::exchange(unflushed_, {}))
    who->flush();
}

void lane::run_query(query::question_ptr what) {
  caf::actor one;
  if (idle_queries_.empty()) {
    // Hidden, so that a stop does not wait for it.
    one = queries_unit_.system().spawn<query::query_actor, caf::lazy_init + caf::hidden>();
  } else {
    one = std::move(idle_queries_.back());
    idle_queries_.pop_back();
  }
  queries_unit_.deliver(one, std::move(what));
  give_answers();
}

// noexcept, so that an exception ends the process. It is a bug or a lack of memory, and the asker
// that it would reach may be another one.
void lane::give_answers() noexcept {
  while (!answers_.empty()) { // an answer may ask the next question in this loop
    const auto give = std::move(answers_.back());
    answers_.pop_back();
    give();
  }
}

void lane::keep_query(const caf::actor& idle) {
  constexpr std::size_t most = 32;
  if (idle_queries_.size() < most)
    idle_queries_.push_back(idle);
}

void lane::on_credit_open() {
  for (const auto& one : std::exchange(waiting_, {}))
    unit_.deliver(one, look_again_atom_v);
  flush_all();
}

void lane::on_stall() {
  for (const auto& one : std::vector<participant_actor>(members_.begin(), members_.end()))
    unit_.deliver(one, look_again_atom_v);
  flush_all();
}

void lane::tell(const submission& about) {
  for (const auto& one : about.participants)
    static_cast<participant*>(caf::actor_cast<caf::abstract_actor*>(one))->on_verdicts();
  flush_all();
}

void lane::answer(const commit_ptr& commit) {
  std::size_t bytes = 0;
  for (const auto& one : commit->submissions)
    bytes += one->footprint;
  if (bytes > 0)
    commit->submissions.front()->origin->context_.credit.remove(charge::received, bytes);
  std::vector<lane*> told;
  for (const auto& one : commit->submissions) {
    if (std::find(told.begin(), told.end(), one->origin) != told.end())
      continue;
    told.push_back(one->origin);
    one->origin->io_.post([commit, where = one->origin] {
      for (const auto& done : commit->submissions) {
        if (done->origin != where)
          continue;
        done->committed = true;
        where->tell(*done);
      }
    });
  }
}

verdict_place lane::defer(submission& source, std::uint32_t shard, std::uint32_t index) {
  const bool is_first = source.late.fetch_add(1, std::memory_order_acq_rel) == 0;
  source.origin->context_.credit.add(charge::answers,
                                     late_event_bytes + (is_first ? source.footprint : 0));
  return {source.shared_from_this(), shard, index};
}

void lane::answer_late(late_verdicts verdicts) {
  const auto order = [](const late_verdict& one) {
    return std::pair{one.place.source->origin, one.place.source.get()};
  };
  std::sort(verdicts.begin(), verdicts.end(),
            [&](const auto& a, const auto& b) { return order(a) < order(b); });
  for (auto begin = verdicts.begin(); begin != verdicts.end();) {
    auto* const where = begin->place.source->origin;
    const auto end = std::find_if(
        begin, verdicts.end(), [&](const auto& one) { return one.place.source->origin != where; });
    late_verdicts own(std::make_move_iterator(begin), std::make_move_iterator(end));
    where->io_.post([where, own = std::move(own)] { where->tell_late(own); });
    begin = end;
  }
}

/// @param verdicts grouped by submission.
void lane::tell_late(std::span<const late_verdict> verdicts) {
  for (auto begin = verdicts.begin(); begin != verdicts.end();) {
    auto& source = *begin->place.source;
    std::size_t count = 0;
    for (; begin != verdicts.end() && begin->place.source.get() == &source; ++begin, ++count)
      begin->place.part().judge(begin->place.index, begin->what, begin->seal_point);
    tell(source);
    const bool was_last = source.late.fetch_sub(count, std::memory_order_acq_rel) == count;
    context_.credit.remove(charge::answers,
                           count * late_event_bytes + (was_last ? source.footprint : 0));
  }
}

} // namespace telemetry
