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

/// Accepts connections on one address.
///
/// Thread: all but open() and port() on the thread that runs `home`; what it calls, it calls there.
class listener {
public:
  using socket = boost::asio::ip::tcp::socket;

  struct handlers {
    /// The event loop that the next socket will belong to.
    std::function<boost::asio::io_context&()> next_home;
    /// A socket that was accepted, of the loop that next_home() named last.
    std::function<void(socket)> on_socket;
    /// Accepting failed (no descriptors left, say) and is tried again; once a second at most.
    std::function<void(std::string_view)> on_failure;
  };

  listener(boost::asio::io_context& home, handlers what)
      : acceptor_(home), timer_(home), handlers_(std::move(what)) {}

  /// Binds and listens. Blocks while `host` is resolved.
  /// @returns errc::unavailable with the reason if that is not possible.
  [[nodiscard]] result<void> open(const std::string& host, std::uint16_t port);
  /// @pre open() succeeded.
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Accepts from now on, until close().
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
