#include "net/http_patience.hpp"

#include "net/session.hpp"

#include <algorithm>

namespace telemetry::net {

namespace {

constexpr std::size_t body_bytes_per_second_min = 1'000;
/// The part of a body that an idle_timeout must bring: a large body is over in 16 of them.
constexpr std::size_t body_windows_max = 16;
constexpr std::chrono::milliseconds linger_silence_max{2'000};
constexpr std::chrono::milliseconds linger_max{10'000};

} // namespace

http_patience::http_patience(std::chrono::milliseconds idle_timeout)
    : tick_(tick_interval(idle_timeout)), idle_ticks_(ticks_of(idle_timeout)) {}

std::size_t http_patience::ticks_of(std::chrono::milliseconds time) const noexcept {
  return static_cast<std::size_t>(time / tick_);
}

void http_patience::wait(waiting_for what, std::size_t silence, std::size_t window) noexcept {
  what_ = what;
  silence_max_ = silence;
  window_max_ = window;
  silence_ = window_ = window_bytes_ = body_bytes_ = 0;
}

void http_patience::wait_idle() noexcept { wait(waiting_for::peer, idle_ticks_, idle_ticks_); }

void http_patience::wait_for_body(std::size_t size) noexcept {
  wait(waiting_for::body, idle_ticks_, idle_ticks_);
  body_bytes_ = size;
}

void http_patience::wait_for_end() noexcept {
  wait(waiting_for::end, ticks_of(linger_silence_max), ticks_of(linger_max));
}

void http_patience::on_bytes(std::size_t bytes) noexcept {
  silence_ = 0;
  window_bytes_ += bytes;
}

// The first tick after a step may come at once: time is over with one more.
bool http_patience::tick() noexcept {
  if (what_ == waiting_for::engine)
    return false;
  return ++silence_ > silence_max_ || (++window_ > window_max_ && ends_window());
}

/// @returns whether it was the last one.
bool http_patience::ends_window() noexcept {
  if (what_ != waiting_for::body || window_bytes_ < window_bytes_min())
    return true;
  window_ = window_bytes_ = 0;
  return false;
}

std::size_t http_patience::window_bytes_min() const noexcept {
  const auto time = tick_ * window_max_;
  const auto by_rate = static_cast<std::size_t>(time.count()) * body_bytes_per_second_min / 1'000;
  return std::max(by_rate, body_bytes_ / body_windows_max);
}

} // namespace telemetry::net
