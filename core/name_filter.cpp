#include "core/name_filter.hpp"

#include <algorithm>

namespace telemetry {

name_filter::name_filter(std::vector<std::string> prefixes) : permits_all_(false) {
  std::sort(prefixes.begin(), prefixes.end());
  for (auto& one : prefixes) { // those that another one covers come right behind it
    if (prefixes_.empty() || !one.starts_with(prefixes_.back()))
      prefixes_.push_back(std::move(one));
  }
}

/// The prefix that `name` begins with, or nullptr. No prefix begins with another, so it can only be
/// the last one that is not above `name`.
const std::string* name_filter::range_of(std::string_view name) const noexcept {
  const auto above = std::upper_bound(prefixes_.begin(), prefixes_.end(), name);
  if (above == prefixes_.begin() || !name.starts_with(*std::prev(above)))
    return nullptr;
  return &*std::prev(above);
}

bool name_filter::permits(std::string_view name) const noexcept {
  return permits_all_ || range_of(name) != nullptr;
}

std::optional<permitted_name> name_filter::permit(std::string name) const {
  if (!permits(name))
    return std::nullopt;
  return permitted_name(std::move(name));
}

std::optional<permitted_event> name_filter::permit(const event_view& event) const noexcept {
  if (!permits(event.robot))
    return std::nullopt;
  return permitted_event(event);
}

std::optional<std::string_view> name_filter::next_from(std::string_view name) const noexcept {
  if (permits(name))
    return name;
  const auto next = std::upper_bound(prefixes_.begin(), prefixes_.end(), name);
  return next == prefixes_.end() ? std::nullopt : std::optional<std::string_view>(*next);
}

} // namespace telemetry
