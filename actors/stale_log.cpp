#include "actors/stale_log.hpp"

#include "config/log.hpp"

namespace telemetry {

void stale_log::note(std::string_view robot, timestamp_ms seal_point, std::int64_t steady_ms) {
  std::lock_guard lock{mutex_};
  if (steady_ms - minute_start_ms_ >= minute_ms) {
    counts_.clear();
    minute_start_ms_ = steady_ms;
  }
  std::string name{robot};
  auto found = counts_.find(name);
  if (found == counts_.end()) {
    if (counts_.size() >= robots_max)
      return;
    found = counts_.emplace(std::move(name), 0).first;
  }
  if (++found->second == warn_count)
    log::warn("many stale events: is the robot's clock wrong?",
              {{"robot", robot}, {"seal_point", seal_point}, {"stale_events", found->second}});
}

} // namespace telemetry
