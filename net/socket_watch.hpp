#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/io_context.hpp> // first: the reactor's header lacks the scheduler

#include <boost/asio/detail/reactor.hpp>

#include <cstdint>

namespace telemetry::net {

/// Watches those sockets of one event loop that Asio does not watch, by an edge-triggered epoll of
/// its own (ADR 0021). Asio waits for that epoll as for one descriptor.
///
/// The wait is an operation of Asio's reactor that never completes, as in Asio's signal_set.
/// `async_wait` would call `epoll_ctl` in every turn of the loop (ADR 0052).
///
/// A service of its io_context, made by the first `boost::asio::use_service<socket_watch>`.
/// Thread: the one that runs the io_context.
class socket_watch final : public boost::asio::execution_context::service {
public:
  /// Receives the events of one descriptor.
  class member {
  public:
    /// @param events flags of epoll(7) for which the descriptor became ready. It may not be ready
    ///        any more.
    virtual void on_events(std::uint32_t events) = 0;

  protected:
    ~member() = default;
  };

  static boost::asio::execution_context::id id;
  explicit socket_watch(boost::asio::execution_context& io_context);
  ~socket_watch() override { socket_watch::shutdown(); }
  socket_watch(const socket_watch&) = delete;
  socket_watch& operator=(const socket_watch&) = delete;

  /// Reports to `one` the events for which `descriptor` is ready, soon after this call and then at
  /// every change. Closing the descriptor removes it. `one` must outlive the descriptor by one turn
  /// of the event loop.
  void add(int descriptor, member& one, boost::system::error_code& ec);

private:
  class ready_operation;

  void shutdown() override;
  void tell_members();

  boost::asio::detail::reactor& reactor_;
  boost::asio::detail::reactor::per_descriptor_data registration_{};
  int epoll_;
};

} // namespace telemetry::net
