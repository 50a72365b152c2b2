#pragma once

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <utility>

namespace telemetry::net {

/// A deadline that every step of a connection may move (ADR 0031). A later deadline only changes a
/// member, because the timer checks it when it fires. An earlier deadline cancels the running wait.
///
/// Thread: that of its executor.
class deadline {
public:
  using clock = std::chrono::steady_clock;

  explicit deadline(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  void move_after(clock::duration time) { move_to(clock::now() + time); }
  void move_to(clock::time_point when) {
    when_ = when;
    if (watched_ && when_ < timer_.expiry())
      timer_.cancel();
  }
  [[nodiscard]] bool passed() const { return clock::now() >= when_; }

  /// Waits once, without blocking. `done(error_code)` must check passed() and, if it is false, call
  /// wait() again.
  template <class Handler>
  void wait(Handler done) {
    watched_ = true;
    timer_.expires_at(when_);
    timer_.async_wait(std::move(done));
  }
  void cancel() { timer_.cancel(); }

private:
  boost::asio::steady_timer timer_;
  clock::time_point when_;
  bool watched_ = false;
};

} // namespace telemetry::net
