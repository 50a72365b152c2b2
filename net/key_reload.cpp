#include "net/key_reload.hpp"

#include "access/keys_file.hpp"

#include <utility>

namespace telemetry::net {

key_changes changes_between(const access::key_set& before, const access::key_set& after) {
  key_changes out;
  for (const auto& one : after.keys()) {
    const auto* const old = before.find(one.id);
    if (old == nullptr)
      out.added.push_back(one.id);
    else if (*old != one)
      out.changed.push_back(one.id);
  }
  for (const auto& one : before.keys()) {
    if (after.find(one.id) == nullptr)
      out.removed.push_back(one.id);
  }
  return out;
}

key_reload::key_reload(std::string path, access::key_set first, reports to)
    : path_(std::move(path)), keys_(std::move(first)), to_(std::move(to)),
      known_(callers::with_keys(keys_)), next_end_(known_->next_end(wall_now())) {}

bool key_reload::reload() {
  auto keys = access::read_keys_file(path_);
  if (!keys) {
    to_.on_kept(keys.error());
    return keys.error().code != errc::unavailable;
  }
  const auto changes = changes_between(keys_, *keys);
  keys_ = std::move(*keys);
  known_ = callers::with_keys(keys_);
  next_end_ = known_->next_end(wall_now());
  to_.on_callers(known_);
  to_.on_taken(keys_, changes);
  return true;
}

void key_reload::end_overdue(wall_ms now) {
  if (now < std::exchange(last_look_, now)) // the clock was set back, so rights end once more
    next_end_ = known_->next_end(now);
  if (!next_end_ || *next_end_ > now)
    return;
  next_end_ = known_->next_end(now);
  to_.on_callers(known_);
}

} // namespace telemetry::net
