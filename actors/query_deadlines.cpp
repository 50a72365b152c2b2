#include "actors/query_deadlines.hpp"

#include "actors/messages.hpp"

namespace telemetry {

void query_deadlines::start(caf::actor_system& system) {
  timer_ = system.spawn<caf::hidden>(
      [this]() -> caf::behavior { return {[this](deadline_atom) { sweep(); }}; });
}

void query_deadlines::stop() {
  caf::anon_send_exit(timer_, caf::exit_reason::user_shutdown);
  timer_ = nullptr;
  const std::lock_guard lock(mutex_);
  is_armed_ = true; // so that begin() schedules no sweep
}

query_deadlines::place query_deadlines::begin(waiting what) {
  const auto due_ms = time_.steady_ms() + patience_.count();
  const std::lock_guard lock(mutex_);
  if (!std::exchange(is_armed_, true))
    caf::delayed_anon_send(timer_, patience_, deadline_atom_v);
  return entries_.insert(entries_.end(), {due_ms, std::move(what)});
}

void query_deadlines::end(place where) {
  std::list<entry> ended; // freed after the lock is released
  const std::lock_guard lock(mutex_);
  ended.splice(ended.begin(), entries_, where);
}

/// An entry whose deadline has passed stays in the list until end().
void query_deadlines::sweep() {
  const auto now_ms = time_.steady_ms();
  const std::lock_guard lock(mutex_);
  auto next = entries_.begin();
  for (; next != entries_.end() && next->due_ms <= now_ms; ++next)
    if (const auto late = caf::actor_cast<caf::actor>(next->what.who))
      caf::anon_send(late, expired_atom_v, next->what.number);
  is_armed_ = next != entries_.end();
  if (is_armed_)
    caf::delayed_anon_send(timer_, std::chrono::milliseconds{next->due_ms - now_ms},
                           deadline_atom_v);
}

} // namespace telemetry
