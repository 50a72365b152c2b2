#include "actors/ingest.hpp"

#include "actors/connection.hpp"

namespace telemetry {

ingest::ingest(caf::actor_config& config, lane& home, net::caller_ptr who,
               std::vector<net::ingest_line> events, net::callback<net::ingest_outcome> reply)
    : participant(config), home_(home), who_(std::move(who)), events_(std::move(events)),
      done_(std::move(reply)) {}

void ingest::start(lane& home, net::caller_ptr who, std::vector<net::ingest_line> events,
                   net::callback<net::ingest_outcome> done) {
  auto& system = home.context().writer->home_system();
  const ingest_actor actor = system.spawn<ingest, caf::lazy_init + caf::hidden>(
      std::ref(home), std::move(who), std::move(events), std::move(done));
  home.enlist(actor);
  home.unit().deliver(actor, look_again_atom_v);
}

ingest::behavior_type ingest::make_behavior() {
  end_process_on_exception(*this, home_.context());
  return {
      [this](look_again_atom) {
        waits_for_credit_ = false;
        advance();
      },
  };
}

void ingest::advance() {
  if (!done_)
    return;
  count_answers();
  if (home_.context().health.away_ms() >= home_.context().options.stall_limit.count())
    return finish(failure{errc::unavailable, std::string{store_is_away}});
  submit_next();
  if (submitted_ == events_.size() && answers_.size() == 0)
    finish(std::move(outcome_));
}

/// The next turn, after one that took turn_events_max.
void ingest::flush() {
  waits_for_turn_ = false;
  advance();
}

void ingest::submit_next() {
  const auto latest = future_limit(home_.context());
  const auto turn_end = submitted_ + turn_events_max;
  for (; submitted_ < events_.size(); ++submitted_) {
    if (submitted_ == turn_end) {
      if (!std::exchange(waits_for_turn_, true))
        home_.flush_later(this, *this);
      return;
    }
    if (answers_.size() >= home_.context().options.in_flight_max)
      return; // goes on with the verdicts
    if (!home_.context().credit.is_open()) {
      if (!std::exchange(waits_for_credit_, true))
        home_.await_credit(this);
      return;
    }
    const auto& event = events_[submitted_];
    const auto permitted = who_->robots.permit({event.at, event.timestamp, event.robot});
    if (!permitted)
      answers_.refuse(std::string{right_refusal});
    else if (event.timestamp > latest)
      answers_.refuse(std::string{future_refusal});
    else if (home_.context().damaged.refuses(event.robot))
      answers_.refuse(std::string{damaged_refusal});
    else
      answers_.submit(*permitted, home_, *this);
    count_answers(); // no verdict comes to do it later, if all events are refused
  }
}

void ingest::count_refusal(std::string_view reason) {
  if (++outcome_.refused <= refusals_max)
    outcome_.refusals.push_back({answered_, std::string{reason}});
}

void ingest::count_answers() {
  for (; const auto next = answers_.next(); ++answered_) {
    if (!next->refusal.empty()) {
      count_refusal(next->refusal);
      continue;
    }
    count_outcome(next->what);
  }
}

void ingest::count_outcome(verdict what) {
  switch (what) {
  case verdict::accepted:
    ++outcome_.accepted;
    break;
  case verdict::duplicate:
    ++outcome_.duplicate;
    break;
  case verdict::conflict:
    ++outcome_.conflict;
    break;
  case verdict::stale:
    ++outcome_.stale;
    break;
  case verdict::damaged:
    count_refusal(damaged_refusal);
    break;
  case verdict::pending:
  case verdict::sealed:
    answered_without_outcome();
  }
}

void ingest::finish(result<net::ingest_outcome> outcome) {
  answers_.clear();
  home_.dismiss(this);
  std::exchange(done_, nullptr)(std::move(outcome));
}

} // namespace telemetry
