#include "actors/journal_writer.hpp"

#include "config/log.hpp"

#include <algorithm>
#include <limits>

namespace telemetry {

using std::chrono::milliseconds;

namespace {

constexpr std::int64_t slow_commit_ms = 500;
constexpr milliseconds retry_delay_min{50};
constexpr milliseconds retry_delay_max{1'000};

} // namespace

journal_writer::journal_writer(caf::actor_config& config, engine_context& context, journal& log)
    : journal_writer_actor::base(config), context_(context), journal_(log),
      shards_unit_(config.host->system(), inline_unit::leftover::is_handed_over),
      logs_(context.status.size()) {}

journal_writer::behavior_type journal_writer::make_behavior() {
  end_process_on_exception(*this, context_);
  return {
      [this](append_atom, const submission_ptr& events) {
        waiting_.push_back(events);
        // All messages that are already in the mailbox go into the same commit.
        if (!std::exchange(commit_due_, true))
          send(this, commit_atom_v);
      },
      [this](commit_atom) {
        commit_due_ = false;
        commit();
      },
      [this](room_atom) { commit(); },
      [this](retry_append_atom) { write(); },
      [this](unsealed_atom) { schedule_tick(); },
      [this](tick_atom) { tick(); },
      [this](trim_atom, const std::vector<shard_marker>& markers) { trim(markers); },
      [this](adopt_atom, const std::vector<shard_log>& logs) { adopt(logs); },
      [this](finish_atom) -> caf::result<bool> {
        auto promise = make_response_promise<bool>();
        finishing_.push_back(promise);
        commit(); // takes the submissions that waited for room
        answer_finish();
        return promise;
      },
  };
}

/// Drops unanswered promises. A promise holds its own actor, which would otherwise never be freed.
void journal_writer::on_exit() { finishing_.clear(); }

void journal_writer::adopt(const std::vector<shard_log>& logs) {
  for (const auto& log : logs)
    logs_[log.of.shard] = log;
  live_ = true;
  schedule_tick();
  if (!waiting_.empty())
    commit();
}

void journal_writer::commit() {
  // Rule 6: the outcome of a commit must be known before the next one begins. Rule 25: no commit
  // before the replay is done.
  if (current_ || !live_)
    return;
  current_ = form();
  if (!current_)
    return answer_finish();
  tell_shards(prepare_atom_v, current_);
  write();
}

/// Runs the shards of a small commit on this thread, because waking workers would take longer than
/// the work. The shards of a large commit run on all cores while the disk writes.
template <class Atom>
void journal_writer::tell_shards(Atom what, const commit_ptr& commit) {
  for (const auto& part : commit->parts) {
    const auto& actor = logs_[part.shard]->actor;
    if (commit->events <= context_.options.inline_events_max)
      shards_unit_.deliver(actor, what, commit);
    else
      send(actor, what, commit);
  }
}

/// Takes waiting submissions for which memory has room, assuming that every event brings a new
/// robot. The rest waits for a room_atom. Takes at least one submission, because a small limit
/// would otherwise block all of them. At a stop it takes all, because the robots soon leave memory.
std::vector<submission_ptr> journal_writer::take_waiting() {
  if (!finishing_.empty())
    return std::exchange(waiting_, {});
  if (context_.credit.memory_is_full())
    return {};
  const auto room = context_.credit.room_bytes();
  std::size_t events = 0;
  const auto end = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& one) {
    const bool is_first = events == 0;
    events += one->events;
    return !is_first && events * robot_bytes > room;
  });
  if (end == waiting_.end())
    return std::exchange(waiting_, {});
  std::vector<submission_ptr> out(std::make_move_iterator(waiting_.begin()),
                                  std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return out;
}

commit_ptr journal_writer::form() {
  auto out = std::make_shared<group_commit>();
  out->submissions = take_waiting();
  const bool ticks = std::exchange(tick_wanted_, false);
  for (std::uint32_t shard = 0; shard < logs_.size(); ++shard) {
    const bool has_events =
        std::any_of(out->submissions.begin(), out->submissions.end(),
                    [shard](const auto& one) { return !one->slices[shard].items.empty(); });
    if (has_events || (ticks && tick_due(shard)))
      out->parts.push_back({shard, stamp(*logs_[shard])});
  }
  if (out->parts.empty())
    return nullptr;
  for (const auto& one : out->submissions)
    out->events += one->events;
  context_.credit.add(charge::expected, out->events * robot_bytes);
  out->unapplied = out->parts.size();
  return out;
}

/// Rules 2-4 and 7.
batch_stamp journal_writer::stamp(shard_log& log) {
  log.arrival_ms = std::max(log.arrival_ms, context_.serving.now());
  log.horizon_ms =
      std::max(log.horizon_ms, log.arrival_ms - context_.options.reorder_window.count());
  return {log.next_no++, log.arrival_ms, log.horizon_ms, context_.time.wall()};
}

void journal_writer::write() {
  std::vector<std::vector<std::string_view>> payloads(current_->parts.size());
  std::vector<journal_batch> batches;
  batches.reserve(current_->parts.size());
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    const auto& part = current_->parts[i];
    for (const auto& one : current_->submissions) {
      if (!one->slices[part.shard].bytes.empty())
        payloads[i].push_back(one->slices[part.shard].bytes);
    }
    batches.push_back(
        {part.shard, logs_[part.shard]->of.epoch, part.stamp, record_kind::events, payloads[i]});
  }
  const auto start_ms = context_.time.steady_ms();
  context_.health.journal_busy(start_ms);
  const auto outcome = journal_.append(batches);
  if (!outcome)
    return failed(outcome.error());
  context_.health.journal_busy(std::nullopt);
  const auto took_ms = context_.time.steady_ms() - start_ms;
  if (took_ms >= slow_commit_ms)
    log::warn("slow commit", {{"took_ms", took_ms}, {"shards", batches.size()}});
  written();
}

void journal_writer::written() {
  if (retry_delay_.count() > 0) {
    retry_delay_ = milliseconds{0};
    log::info("journal takes writes again");
    context_.health.journal_away("");
  }
  const auto finished = std::exchange(current_, nullptr);
  tell_shards(committed_atom_v, finished);
  if (context_.credit.bytes(charge::rows) / sizeof(track_row) >= context_.options.checkpoint_events)
    send(context_.checkpointer, checkpoint_atom_v);
  if (!waiting_.empty() && !std::exchange(commit_due_, true))
    send(this, commit_atom_v);
  answer_finish();
}

/// Rule 6: repeats the same content under the same number until the outcome is known.
void journal_writer::failed(const failure& why) {
  switch (why.code) {
  case errc::no_space:
  case errc::unavailable:
  case errc::timeout:
    break;
  default:
    return context_.fatal(why);
  }
  if (retry_delay_.count() == 0)
    log::error("journal refuses writes: no event is answered until it takes them again",
               {{"error", to_string(why.code)}, {"reason", why.text}});
  retry_delay_ = std::clamp(retry_delay_ * 2, retry_delay_min, retry_delay_max);
  context_.health.journal_away(why.text);
  delayed_send(this, retry_delay_, retry_append_atom_v);
}

void journal_writer::schedule_tick() {
  if (std::exchange(timer_is_set_, true))
    return;
  constexpr milliseconds shortest{1};
  delayed_send(this, std::max(context_.options.reorder_window + shortest, shortest), tick_atom_v);
}

bool journal_writer::tick_due(std::uint32_t shard) const {
  return logs_[shard] && context_.status[shard].holds_unsealed.load(std::memory_order_acquire) &&
         context_.serving.now() - logs_[shard]->arrival_ms >=
             context_.options.reorder_window.count();
}

/// Rule 5. Without unsealed events there is no tick and no timer.
void journal_writer::tick() {
  timer_is_set_ = false;
  bool unsealed = false;
  for (std::uint32_t shard = 0; shard < logs_.size(); ++shard) {
    unsealed |= context_.status[shard].holds_unsealed.load(std::memory_order_acquire);
    tick_wanted_ |= tick_due(shard);
  }
  if (unsealed)
    schedule_tick();
  if (tick_wanted_ && !commit_due_)
    commit();
}

void journal_writer::trim(const std::vector<shard_marker>& markers) {
  for (const auto& marker : markers) {
    if (marker.cut == 0)
      continue;
    // Rule 21: the deletes may be lost, because only the marker decides which batches a replay
    // skips.
    context_.health.journal_busy(context_.time.steady_ms());
    const auto outcome = journal_.trim(marker.shard, marker.cut);
    context_.health.journal_busy(std::nullopt);
    if (!outcome)
      log::warn("journal not trimmed; the next checkpoint tries again",
                {{"shard", marker.shard}, {"reason", outcome.error().text}});
  }
}

void journal_writer::answer_finish() {
  if (current_ || !waiting_.empty())
    return;
  for (auto& promise : std::exchange(finishing_, {}))
    promise.deliver(true);
}

} // namespace telemetry
