#include "net/rest/rest_parameters.hpp"

#include <algorithm>

namespace telemetry::net {
namespace {

failure bad_parameter(std::string_view key, std::string_view what) {
  return {errc::malformed, std::string(key).append(" ").append(what)};
}

/// Parses a decimal integer >= 0 with an optional '+', as on the wire, limited to `max`.
std::optional<std::int64_t> parse_clamped(std::string_view text, std::int64_t max) noexcept {
  if (!text.empty() && text.front() == '+')
    text.remove_prefix(1);
  if (text.empty())
    return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9')
      return std::nullopt;
    const std::int64_t digit = c - '0';
    value = value > (max - digit) / 10 ? max : value * 10 + digit;
  }
  return std::min(value, max);
}

} // namespace

result<std::optional<std::string_view>> find_parameter(const http_target& target,
                                                       std::string_view key) {
  std::optional<std::string_view> found;
  for (const auto& [name, value] : target.query) {
    if (name != key)
      continue;
    if (found)
      return bad_parameter(key, "is given more than once");
    found = value;
  }
  return found;
}

result<std::optional<timestamp_ms>> timestamp_parameter(const http_target& target,
                                                        std::string_view key) {
  const auto text = find_parameter(target, key);
  if (!text)
    return text.error();
  if (!text.value())
    return std::optional<timestamp_ms>{};
  const auto value = parse_clamped(*text.value(), timestamp_max);
  if (!value)
    return bad_parameter(key, "must be an integer, 0 or more");
  return value;
}

result<time_range> range_parameters(const http_target& target) {
  const auto from = timestamp_parameter(target, "start_time");
  if (!from)
    return from.error();
  const auto to = timestamp_parameter(target, "end_time");
  if (!to)
    return to.error();
  time_range range{from.value().value_or(0), to.value().value_or(timestamp_max)};
  if (range.from > range.to)
    std::swap(range.from, range.to);
  return range;
}

result<std::size_t> limit_parameter(const http_target& target) {
  const auto text = find_parameter(target, "limit");
  if (!text)
    return text.error();
  if (!text.value())
    return no_limit;
  const auto value = parse_clamped(*text.value(), page_rows_max + 1);
  if (!value || *value == 0 || *value > static_cast<std::int64_t>(page_rows_max))
    return bad_parameter("limit", "must be an integer, 1 to " + std::to_string(page_rows_max));
  return static_cast<std::size_t>(*value);
}

} // namespace telemetry::net
