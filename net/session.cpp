#include "net/session.hpp"

#include <functional>
#include <utility>

namespace telemetry::net {

namespace {

constexpr std::size_t reviewed_per_turn = 64; // half a ms, if all of them end

} // namespace

caller_ptr renew_rights(const callers& known, const caller_ptr& who, const byte_stream& stream) {
  if (!who->certificate.empty() && !stream.certificate())
    return nullptr;
  return known.renew(who, wall_now());
}

void session_registry::add(const std::shared_ptr<session>& one, bool is_proven) {
  sessions_.insert_or_assign(one.get(), one);
  count_.store(sessions_.size());
  if (is_proven)
    return;
  one->unproven_number_ = ++last_number_;
  unproven_.emplace(last_number_, unproven_session{one.get(), clock::now()});
  publish_unproven();
}

void session_registry::remove(session& one) {
  sessions_.erase(&one);
  count_.store(sessions_.size());
  prove(one);
}

void session_registry::prove(session& one) {
  if (one.is_proven())
    return;
  unproven_.erase(std::exchange(one.unproven_number_, 0));
  publish_unproven();
}

void session_registry::publish_unproven() {
  unproven_count_.store(unproven_.size());
  const auto oldest =
      unproven_.empty() ? clock::time_point::max() : unproven_.begin()->second.since;
  oldest_unproven_.store(oldest.time_since_epoch().count());
}

// prove() takes it off the list at once, because its own end comes later.
void session_registry::cut_oldest_unproven() {
  if (unproven_.empty())
    return;
  session& oldest = *unproven_.begin()->second.one;
  prove(oldest);
  oldest.cut();
}

bool session_registry::start_review() {
  const bool goes_on = !to_review_.empty();
  // Those who have been reviewed are asked again, because the callers are others.
  to_review_.clear();
  for (const auto& [address, weak] : sessions_)
    to_review_.push_back(weak);
  return !goes_on;
}

bool session_registry::review_some() {
  for (std::size_t left = reviewed_per_turn; left > 0 && !to_review_.empty(); --left) {
    const auto one = to_review_.back().lock();
    to_review_.pop_back();
    if (one)
      one->review_rights();
  }
  return !to_review_.empty();
}

void session_registry::drain_all() {
  draining_ = true;
  for (const auto& one : all())
    one->drain();
}

void session_registry::cut_all() {
  for (const auto& one : all())
    one->cut();
}

void session_registry::tick_all() {
  for (const auto& one : all()) {
    one->tick();
    one->count_quiet_tick();
  }
  relieve();
}

void session_registry::relieve() {
  relief_waits_ = false;
  if (!memory_ || !memory_->is_exceeded())
    return;
  auto those = all();
  std::erase_if(those, [](const auto& one) { return one->reclaimable() == 0; });
  std::ranges::sort(those, std::greater(),
                    [](const auto& one) { return std::pair(one->is_quiet(), one->reclaimable()); });
  for (const auto& one : those) {
    const auto enough = memory_->bytes_max() - (one->is_quiet() ? memory_->margin() : 0);
    if (memory_->bytes() <= enough)
      break;
    one->cut();
    memory_->count_cut();
  }
  relief_waits_ = memory_->is_exceeded();
}

void session_registry::relieve_soon(io_thread& io) {
  if (!memory_ || !memory_->is_exceeded() || std::exchange(relief_waits_, true))
    return;
  io.post([this] { relieve(); });
}

// Returns a copy, because sessions may be added and removed while the caller walks over it.
std::vector<std::shared_ptr<session>> session_registry::all() const {
  std::vector<std::shared_ptr<session>> those;
  those.reserve(sessions_.size());
  for (const auto& [address, weak] : sessions_)
    if (auto one = weak.lock())
      those.push_back(std::move(one));
  return those;
}

} // namespace telemetry::net
