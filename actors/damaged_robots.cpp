#include "actors/damaged_robots.hpp"

namespace telemetry {

void damaged_robots::see(std::string_view robot, const failure& why, std::int64_t steady_ms) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = robots_.find(robot); found != robots_.end()) {
    found->second.seen_at_ms = steady_ms;
    return;
  }
  if (robots_.size() >= seen_max)
    std::erase_if(robots_, [&](const auto& one) { return !counts(one.second, steady_ms); });
  if (robots_.size() < seen_max)
    robots_.emplace(robot, entry{why, steady_ms});
  size_ = robots_.size();
}

void damaged_robots::hold(std::string_view robot, const failure& why) {
  const std::scoped_lock lock(mutex_);
  robots_.try_emplace(std::string(robot), entry{why, 0}).first->second.is_held = true;
  size_ = robots_.size();
}

void damaged_robots::refuse(std::string_view robot) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = robots_.find(robot); found != robots_.end() && !found->second.is_refused) {
    found->second.is_refused = true;
    ++refused_;
  }
}

void damaged_robots::release(std::string_view robot) {
  const std::scoped_lock lock(mutex_);
  const auto found = robots_.find(robot);
  if (found == robots_.end())
    return;
  if (found->second.is_refused)
    --refused_;
  robots_.erase(found);
  size_ = robots_.size();
}

bool damaged_robots::refuses(std::string_view robot) const {
  if (refused_.load(std::memory_order_relaxed) == 0)
    return false;
  const std::scoped_lock lock(mutex_);
  const auto found = robots_.find(robot);
  return found != robots_.end() && found->second.is_refused;
}

std::optional<damaged_robots::summary> damaged_robots::summarize(std::int64_t steady_ms) const {
  if (size_.load(std::memory_order_relaxed) == 0)
    return std::nullopt;
  const std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  const std::pair<const std::string, entry>* first = nullptr;
  for (const auto& one : robots_) {
    if (!counts(one.second, steady_ms))
      continue;
    ++count;
    if (first == nullptr || (one.second.is_held && !first->second.is_held))
      first = &one;
  }
  if (first == nullptr)
    return std::nullopt;
  return summary{count, first->first, first->second.why};
}

std::optional<std::string> damaged_robots::detail(std::int64_t steady_ms) const {
  const auto found = summarize(steady_ms);
  if (!found)
    return std::nullopt;
  return "stored rows are damaged of " + std::to_string(found->robots) +
         (found->robots == 1 ? " robot: " : " robots, among them: ") + found->why.text;
}

} // namespace telemetry
