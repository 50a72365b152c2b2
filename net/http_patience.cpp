#include "net/http_patience.hpp"

#include "net/session.hpp"

namespace telemetry::net {

namespace {

/// A body must arrive at this rate on average, once idle_timeout is over.
constexpr std::size_t body_bytes_per_ms_min = 1;
/// How long a client may be silent behind the last answer that does not end its side.
constexpr std::chrono::milliseconds linger_timeout{2'000};

} // namespace

http_patience::http_patience(std::chrono::milliseconds idle_timeout)
    : tick_(tick_interval(idle_timeout)), idle_ticks_(ticks_of(idle_timeout)) {}

std::size_t http_patience::ticks_of(std::chrono::milliseconds time) const noexcept {
  return static_cast<std::size_t>(time / tick_);
}

void http_patience::wait(std::size_t ticks) noexcept {
  ticks_left_ = ticks;
  is_waiting_ = true;
}

void http_patience::wait_idle() noexcept { wait(idle_ticks_); }

void http_patience::wait_for_body() noexcept {
  wait(idle_ticks_);
  body_bytes_ = 0;
}

void http_patience::wait_for_end() noexcept { wait(ticks_of(linger_timeout)); }

void http_patience::on_body(std::size_t bytes) noexcept {
  body_bytes_ += bytes;
  const auto bytes_per_tick = body_bytes_per_ms_min * static_cast<std::size_t>(tick_.count());
  ticks_left_ += body_bytes_ / bytes_per_tick;
  body_bytes_ %= bytes_per_tick;
}

// The first tick after a step may come at once: time is over with one more.
bool http_patience::tick() noexcept {
  if (!is_waiting_)
    return false;
  if (ticks_left_ == 0)
    return true;
  --ticks_left_;
  return false;
}

} // namespace telemetry::net
