#include "actors/serving_time.hpp"

namespace telemetry {

void serving_time::start(std::int64_t start_ms) {
  std::lock_guard lock{mutex_};
  clock_ = serving_clock{start_ms, time_.steady_ms()};
  update();
}

void serving_time::stand_still(reason why) {
  std::lock_guard lock{mutex_};
  reasons_ |= static_cast<unsigned>(why);
  update();
}

void serving_time::go_on(reason why) {
  std::lock_guard lock{mutex_};
  reasons_ &= ~static_cast<unsigned>(why);
  update();
}

void serving_time::go_on_unread() {
  std::lock_guard lock{mutex_};
  if (reasons_ == static_cast<unsigned>(reason::not_reading))
    reasons_ = 0;
  update();
}

/// @pre mutex_ is held.
void serving_time::update() {
  if (reasons_ == 0)
    clock_.resume(time_.steady_ms());
  else
    clock_.pause(time_.steady_ms());
}

std::int64_t serving_time::now() const {
  std::lock_guard lock{mutex_};
  return clock_.now(time_.steady_ms());
}

} // namespace telemetry
