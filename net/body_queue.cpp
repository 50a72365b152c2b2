#include "net/body_queue.hpp"

#include <algorithm>

namespace telemetry::net {

bool body_queue::has_room(std::size_t bytes) const noexcept {
  return large_bytes_ + bytes <= budget_.bytes_max() / 2;
}

void body_queue::admit() {
  while (!waiting_.empty() && waiting_.front()->take(waiting_.front()->wanted_)) {
    auto& next = *waiting_.front();
    waiting_.pop_front();
    next.place_ = body_share::place::taken;
    next.on_turn_();
  }
}

body_share::body_share(body_queue& queue, std::function<void()> on_turn)
    : queue_(queue), on_turn_(std::move(on_turn)), loan_(queue.budget_) {}

body_share::place body_share::ask(std::size_t bytes) {
  const bool may_overtake = bytes <= small_body_bytes_max || queue_.waiting_.empty();
  if (may_overtake && take(bytes)) {
    place_ = place::taken;
  } else if (bytes <= small_body_bytes_max || queue_.waiting_.size() >= waiting_bodies_max) {
    place_ = place::refused;
  } else {
    wanted_ = bytes;
    queue_.waiting_.push_back(this);
    place_ = place::waiting;
  }
  return place_;
}

bool body_share::grow_to(std::size_t bytes) {
  place_ = take(bytes) ? place::taken : place::refused;
  return place_ == place::taken;
}

/// Raises the loan to the bytes that a body of `bytes` needs.
bool body_share::take(std::size_t bytes) {
  const auto before = loan_.bytes();
  const auto needed = std::min(body_memory_factor * bytes, queue_.budget_.loan_bytes_max());
  const bool becomes_large = bytes > small_body_bytes_max;
  const auto large_before = is_large_ ? before : 0;
  const auto large_needed = std::max(needed, before);
  if (becomes_large && !queue_.has_room(large_needed - large_before))
    return false;
  if (!loan_.raise_to(needed))
    return false;
  if (becomes_large) {
    queue_.large_bytes_ += loan_.bytes() - large_before;
    is_large_ = true;
  }
  return true;
}

void body_share::give_back() noexcept {
  if (place_ == place::waiting)
    std::erase(queue_.waiting_, this);
  if (std::exchange(is_large_, false))
    queue_.large_bytes_ -= loan_.bytes();
  const bool had_place = loan_.bytes() > 0 || place_ == place::waiting;
  loan_.give_back();
  place_ = place::none;
  if (had_place)
    queue_.admit();
}

} // namespace telemetry::net
