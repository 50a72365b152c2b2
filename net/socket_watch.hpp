#pragma once

#include "net/epoll_set.hpp"

#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/io_context.hpp> // first: the reactor's header lacks the scheduler

#include <boost/asio/detail/reactor.hpp>

namespace telemetry::net {

/// Watches those descriptors of one event loop that Asio does not watch, by an edge-triggered epoll
/// of its own (ADR 0021). Asio waits for that epoll as for one descriptor.
///
/// The wait is an operation of Asio's reactor that never completes, as in Asio's signal_set.
/// `async_wait` would call `epoll_ctl` in every turn of the loop (ADR 0052).
///
/// A service of its io_context, made by the first `boost::asio::use_service<socket_watch>`.
/// Thread: the one that runs the io_context.
class socket_watch final : public boost::asio::execution_context::service {
public:
  static boost::asio::execution_context::id id;
  explicit socket_watch(boost::asio::execution_context& io_context);
  ~socket_watch() override { socket_watch::shutdown(); }
  socket_watch(const socket_watch&) = delete;
  socket_watch& operator=(const socket_watch&) = delete;

  /// Members are told soon after they were added, and then at every change.
  [[nodiscard]] epoll_set& members() noexcept { return members_; }

private:
  class ready_operation;

  void shutdown() override;
  void tell_members();

  boost::asio::detail::reactor& reactor_;
  boost::asio::detail::reactor::per_descriptor_data registration_{};
  epoll_set members_;
};

} // namespace telemetry::net
