#include "net/tls_credentials.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace telemetry::net {

result<std::shared_ptr<tls_credentials>> tls_credentials::load(tls_files files, time_point now) {
  auto first = tls_context::load(files, now, true);
  if (!first)
    return first.error();
  return std::shared_ptr<tls_credentials>(new tls_credentials(std::move(files), std::move(*first)));
}

std::shared_ptr<const tls_context> tls_credentials::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

result<void> tls_credentials::reload(time_point now) {
  auto made = tls_context::load(files_, now, !current()->is_valid_at(now));
  if (!made)
    return made.error();
  const std::lock_guard lock(mutex_);
  current_.swap(*made);
  ++generation_;
  return {};
}

std::optional<std::chrono::seconds> expiry_warnings::due(time_point ends_at,
                                                         time_point now) noexcept {
  using days = std::chrono::duration<int, std::ratio<86'400>>;
  constexpr std::array<days, 5> before{days(21), days(7), days(3), days(1), days(0)};
  const auto left = ends_at - now;
  const auto passed = static_cast<std::size_t>(
      std::ranges::count_if(before, [left](days each) { return left <= each; }));
  if (std::exchange(ends_at_, ends_at) != ends_at)
    warnings_ = 0;
  if (std::exchange(warnings_, passed) >= passed)
    return std::nullopt;
  return std::chrono::duration_cast<std::chrono::seconds>(left);
}

} // namespace telemetry::net
