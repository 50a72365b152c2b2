#include "net/session.hpp"

namespace telemetry::net {

void session_registry::add(const std::shared_ptr<session>& one) {
  sessions_.insert_or_assign(one.get(), one);
  count_.store(sessions_.size());
}

void session_registry::remove(const session& one) {
  sessions_.erase(&one);
  count_.store(sessions_.size());
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
  for (const auto& one : all())
    one->tick();
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
