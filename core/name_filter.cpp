#include "core/name_filter.hpp"

#include <algorithm>

namespace telemetry {

namespace {

/// The names that begin with `prefix`. @pre it is the beginning of a legal name, so it is not empty
/// and its last byte is neither the least nor the greatest.
name_range range_of_names(const std::string& prefix) {
  name_range out{prefix, prefix};
  --out.after.back();
  out.after += '\xff'; // no name has this byte, so no name lies between this and `prefix`
  ++out.before.back();
  return out;
}

} // namespace

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

bool name_filter::covers(const name_filter& other) const noexcept {
  return permits_all_ ||
         (!other.permits_all_ && std::ranges::all_of(other.prefixes_, [this](const auto& prefix) {
           return range_of(prefix) != nullptr;
         }));
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

std::vector<name_range> name_filter::ranges_above(std::string_view after) const {
  if (permits_all_)
    return {{std::string(after), ""}};
  std::vector<name_range> out;
  for (const auto& prefix : prefixes_) {
    auto range = range_of_names(prefix);
    if (range.before <= after)
      continue;
    if (range.after < after)
      range.after = after;
    out.push_back(std::move(range));
  }
  return out;
}

} // namespace telemetry
