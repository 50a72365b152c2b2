#include "config/log_limit.hpp"

#include <utility>

namespace telemetry::log {

namespace {

constexpr std::chrono::seconds pause_of_kind{10};
constexpr int lines_per_second = 10;
/// Bounds the memory. 10 lines a second make at most 100 kinds within pause_of_kind.
constexpr std::size_t kinds_max = 1'000;

} // namespace

std::optional<std::uint64_t> limit::pass(std::string_view kind, clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    lines_ = 0;
  }
  forget_old(now);
  const auto last = last_.find(std::string(kind));
  const bool is_recent = last != last_.end() && now - last->second < pause_of_kind;
  if (is_recent || lines_ >= lines_per_second) {
    ++left_out_;
    return std::nullopt;
  }
  ++lines_;
  last_.insert_or_assign(std::string(kind), now);
  return std::exchange(left_out_, 0);
}

void limit::forget_old(clock::time_point now) {
  if (last_.size() >= kinds_max)
    std::erase_if(last_, [now](const auto& one) { return now - one.second >= pause_of_kind; });
}

} // namespace telemetry::log
