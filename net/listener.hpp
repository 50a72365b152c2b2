#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "core/descriptor.hpp"
#include "core/result.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::net {

/// Accepts connections at one entrance of the server: on the addresses of one host, all at the same
/// port (ADR 0021), or on a Unix domain socket.
///
/// Thread: that of the event loop `home`, except for open() and port(). Handlers are called on the
/// same thread.
class listener {
public:
  struct handlers {
    /// Receives an accepted socket. @returns how long to pause before the next one; mostly 0.
    std::function<std::chrono::milliseconds(descriptor)> on_socket;
    /// Receives the reason of a failure to accept, for example no descriptors left, at most once a
    /// second. The listener tries again after 100 ms.
    std::function<void(std::string_view)> on_failure;
    /// Asked before a socket is accepted. While it is true, accepting pauses. Empty: it never is.
    std::function<bool()> is_full{};
  };

  listener(boost::asio::io_context& home, handlers what)
      : home_(home), handlers_(std::move(what)) {}

  /// Binds and listens. Blocks while `host` is resolved.
  /// @param host a name or an address; an IPv6 address with or without brackets. A name stands for
  ///        all its addresses that this machine has; "localhost" for both loopback addresses; "*"
  ///        for all addresses of this machine.
  /// @param port 0 selects a port that is free at all addresses.
  /// @returns errc::unavailable with the reason if an address cannot be bound, or there is none.
  [[nodiscard]] result<void> open(const std::string& host, std::uint16_t port);
  /// Takes a Unix domain socket that is bound and listens.
  void open(descriptor door);
  /// 0 for a Unix domain socket. @pre open() succeeded.
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Starts to accept, until close().
  void accept();
  void close();

private:
  using tcp = boost::asio::ip::tcp;

  using stream_protocol = boost::asio::generic::stream_protocol;
  using any_acceptor = boost::asio::basic_socket_acceptor<stream_protocol>;

  /// One address that is listened on.
  struct entrance {
    entrance(any_acceptor opened, boost::asio::io_context& home)
        : acceptor(std::move(opened)), timer(home) {}
    any_acceptor acceptor;
    boost::asio::steady_timer timer;
  };

  boost::system::error_code bind(const std::vector<tcp::endpoint>& addresses, std::uint16_t port);
  void accept(entrance& at);
  void on_accepted(entrance& at, boost::system::error_code ec, stream_protocol::socket accepted);
  void report(boost::system::error_code ec);
  void accept_after(entrance& at, std::chrono::milliseconds pause);

  boost::asio::io_context& home_;
  handlers handlers_;
  std::vector<std::unique_ptr<entrance>> entrances_;
  std::uint16_t port_ = 0;
  std::chrono::steady_clock::time_point next_report_{};
};

/// The addresses that `host` stands for, as listener::open() takes it; none if it cannot be
/// resolved. Blocks.
[[nodiscard]] std::vector<boost::asio::ip::address> addresses_of(boost::asio::io_context& home,
                                                                 std::string_view host);

/// `host` and `port` as in a URL: "127.0.0.1:8000", "[::1]:8000".
[[nodiscard]] std::string address_text(std::string_view host, std::uint16_t port);

} // namespace telemetry::net
