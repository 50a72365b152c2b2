#include "actors/byte_credit.hpp"

namespace telemetry {

std::size_t byte_credit::room_bytes() const noexcept {
  const auto used = memory_bytes();
  return used < most_.memory_bytes ? most_.memory_bytes - used : 0;
}

void byte_credit::add(charge what, std::size_t bytes) {
  at(what).fetch_add(bytes);
  if (!(what == charge::received ? received_fits() : memory_fits()))
    update();
}

void byte_credit::remove(charge what, std::size_t bytes) {
  at(what).fetch_sub(bytes);
  if (!is_open())
    update();
}

void byte_credit::update() {
  bool opened = false;
  bool has_room = false;
  {
    std::lock_guard lock{mutex_};
    // Repeats after each change, because a remove() that sees the credit open does not call this.
    for (bool changed = true; changed;) {
      changed = false;
      const bool full = !memory_fits();
      const bool open = !full && received_fits();
      if (full != full_.load()) {
        full_.store(full);
        has_room = !full;
        changed = true;
      }
      if (open != open_.load()) {
        if (open) {
          serving_.go_on(serving_time::reason::not_reading);
        } else {
          serving_.stand_still(serving_time::reason::not_reading);
          closed_since_ms_ = time_.steady_ms();
        }
        open_.store(open);
        opened = open;
        changed = true;
      }
    }
  }
  if (has_room && on_room_)
    on_room_();
  if (opened && on_open_)
    on_open_();
}

std::int64_t byte_credit::closed_ms() const {
  std::lock_guard lock{mutex_};
  return open_.load() ? 0 : time_.steady_ms() - closed_since_ms_;
}

} // namespace telemetry
