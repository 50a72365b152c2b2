#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "core/result.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Accepts connections on one address (ADR 0021).
///
/// Thread: that of the event loop `home`, except for open() and port(). Handlers are called on the
/// same thread.
class listener {
public:
  using socket = boost::asio::ip::tcp::socket;

  struct handlers {
    /// Returns the event loop for the next socket.
    std::function<boost::asio::io_context&()> next_home;
    /// Receives an accepted socket of the event loop that next_home() returned last.
    std::function<void(socket)> on_socket;
    /// Receives the reason of a failure to accept, for example no descriptors left, at most once a
    /// second. The listener tries again after 100 ms.
    std::function<void(std::string_view)> on_failure;
  };

  listener(boost::asio::io_context& home, handlers what)
      : acceptor_(home), timer_(home), handlers_(std::move(what)) {}

  /// Binds and listens. Blocks while `host` is resolved.
  /// @returns errc::unavailable with the reason if no address of `host` can be bound.
  [[nodiscard]] result<void> open(const std::string& host, std::uint16_t port);
  /// @pre open() succeeded.
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Starts to accept, until close().
  void accept();
  void close();

private:
  void on_accepted(boost::system::error_code ec, socket accepted);
  void retry_later(boost::system::error_code ec);

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer timer_;
  handlers handlers_;
  std::uint16_t port_ = 0;
  std::chrono::steady_clock::time_point next_report_{};
};

} // namespace telemetry::net
