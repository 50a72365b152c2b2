#pragma once

#include "net/socket_watch.hpp"

#include <chrono>

namespace telemetry::net {

/// Watches the sockets of producers that send at their own pace. Their bytes may wait a little, so
/// that one wake-up of the thread, and one synced write, serve many of them (ADR 0059).
///
/// While something arrives, it looks at its sockets at the ends of intervals. These lie on one grid
/// for all threads, so that the threads share a commit. After an interval in which nothing arrived
/// it rests: the next arrival is told at once and begins the intervals again. If many sockets have
/// bytes in each of several intervals, these become shorter, down to a quarter: so many events
/// share a wake-up anyway, and wait less.
///
/// A service of its io_context. Thread: the one that runs the io_context.
class paced_watch final : public boost::asio::execution_context::service {
public:
  static boost::asio::execution_context::id id;
  explicit paced_watch(boost::asio::execution_context& io_context);
  ~paced_watch() override { paced_watch::shutdown(); }
  paced_watch(const paced_watch&) = delete;
  paced_watch& operator=(const paced_watch&) = delete;

  /// Length of the intervals. To be called before the first take_over().
  void set_interval(std::chrono::microseconds interval) noexcept { interval_ = interval; }

  /// Watches `descriptor` in place of the socket_watch, for the same member.
  void take_over(int descriptor, epoll_set::member& one, boost::system::error_code& ec);
  /// Gives `descriptor` back to the socket_watch.
  void give_back(int descriptor, epoll_set::member& one, boost::system::error_code& ec);

private:
  /// A descriptor of ours in the socket_watch.
  struct own_member final : epoll_set::member {
    own_member(paced_watch& of, void (paced_watch::*to_call)()) : owner(of), call(to_call) {}
    void on_events(std::uint32_t) override { (owner.*call)(); }
    paced_watch& owner;
    void (paced_watch::*call)();
  };

  void shutdown() override;
  void on_arrival();
  void on_interval();
  void tell_members();
  void begin_intervals();
  void adapt_interval(int told);
  void rest();

  epoll_set& prompt_;  ///< the members of the socket_watch
  epoll_set gathered_; ///< a member of prompt_ while nothing arrives
  int timer_;          ///< a timerfd, which runs while something arrives
  own_member arrival_{*this, &paced_watch::on_arrival};
  own_member interval_end_{*this, &paced_watch::on_interval};
  std::chrono::microseconds interval_{4'000};
  int halvings_ = 0;       ///< of the interval
  int crowded_ = 0;        ///< intervals in a row with many sockets; below 0: with few
  int told_meanwhile_ = 0; ///< since the last interval ended
};

} // namespace telemetry::net
