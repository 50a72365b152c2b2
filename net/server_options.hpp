#pragma once

#include "config/options.hpp"
#include "net/unix_socket.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Settings of the network side. The defaults are those of config::options.
struct server_options {
  [[nodiscard]] static server_options from(const config::options& settings);

  /// Where to listen on TCP; empty: nowhere.
  std::string host = config::options{}.net.host;
  std::uint16_t port = config::options{}.net.port; ///< 0: any free port
  unix_socket_options unix_socket{};
  std::size_t io_threads = config::options{}.net.io_threads;
  /// Sockets of all kinds. Further ones are refused with 1013 or 503.
  std::size_t connections_max = config::options{}.net.connections_max;
  /// Bytes that all connections may hold together (memory_budget).
  std::size_t memory_bytes_max = config::options{}.net.memory_max;
  std::size_t message_bytes_max = config::options{}.ingest.max_message;
  std::size_t body_bytes_max = config::options{}.ingest.max_body;
  /// Silent WebSocket peers are pinged after half of it. Silent connections are closed after it.
  std::chrono::milliseconds idle_timeout = config::options{}.net.idle_timeout;
  /// Longest time that bytes of a producer that sends at its own pace wait to be read; 0: none.
  std::chrono::milliseconds read_delay = config::options{}.net.read_delay;
  std::string version; ///< for /version and the Server header
  /// Receives the reason if accepting fails, for example because no descriptors are left. Called on
  /// an I/O thread, at most once a second. May be empty.
  std::function<void(std::string_view reason)> on_accept_failure{};
  /// Told, on an I/O thread and at most once a minute, how many connections were cut and refused
  /// since the last time because all of them hold more than memory_bytes_max. May be empty.
  std::function<void(std::size_t cut, std::size_t refused)> on_memory_full{};
  /// Told, on an I/O thread, that a WebSocket was opened without any of the sub-protocols that its
  /// client offered; may be empty. A browser closes such a connection without saying why.
  std::function<void(std::string_view offered)> on_protocol_refused{};
};

} // namespace telemetry::net
