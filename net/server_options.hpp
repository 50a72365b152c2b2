#pragma once

#include "config/options.hpp"
#include "net/unix_socket.hpp"
#include "net/warnings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace telemetry::net {

class network_list;
class tls_credentials;

/// A request that was refused because of its caller. The views are valid during the call only.
struct access_report {
  std::string_view why;    ///< of a refusal, e.g. "checksum"
  std::string_view key_id; ///< "" if no such key exists
  std::string_view route;
  std::string address; ///< of the client
};

/// Settings of the network side. The defaults are those of config::options.
struct server_options {
  [[nodiscard]] static server_options from(const config::options& settings);

  /// Where to listen on TCP; empty: nowhere.
  std::string host = config::options{}.net.host;
  std::uint16_t port = config::options{}.net.port; ///< 0: any free port
  unix_socket_options unix_socket{};
  std::size_t io_threads = config::options{}.net.io_threads;
  /// Certificate and key of the TLS listener; nullptr: there is none.
  std::shared_ptr<tls_credentials> tls{};
  std::string tls_host = config::options{}.tls.host;
  std::uint16_t tls_port = config::options{}.tls.port;     ///< 0: any free port
  std::size_t tls_threads = config::options{}.tls.threads; ///< for handshakes
  /// Connections that have not finished their handshake. At this number accepting pauses.
  std::size_t handshakes_max = config::options{}.tls.handshakes_max;
  /// From accept to the end of the handshake. Then the connection is closed.
  std::chrono::milliseconds handshake_timeout = config::options{}.tls.handshake_timeout;
  /// Sockets of all kinds. Further ones are refused with 1013 or 503.
  std::size_t connections_max = config::options{}.net.connections_max;
  /// Sockets whose peers have not shown a right yet, on a server with keys. They are not counted
  /// among connections_max.
  std::size_t unproven_max = config::options{}.net.unproven_max;
  /// Bytes that all connections may hold together (memory_budget).
  std::size_t memory_bytes_max = config::options{}.net.memory_max;
  std::size_t message_bytes_max = config::options{}.ingest.max_message;
  std::size_t body_bytes_max = config::options{}.ingest.max_body;
  /// Silent WebSocket peers are pinged after half of it. Silent connections are closed after it.
  std::chrono::milliseconds idle_timeout = config::options{}.net.idle_timeout;
  /// Longest time that bytes of a producer that sends at its own pace wait to be read; 0: none.
  std::chrono::milliseconds read_delay = config::options{}.net.read_delay;
  /// Clients that alone may use the plain port if `plain_is_for_proxies`.
  std::shared_ptr<const network_list> trusted_proxies{};
  /// Whether other clients of the plain port are closed, because they would send keys in clear.
  bool plain_is_for_proxies = false;
  std::string version;                      ///< for /version and the Server header
  std::shared_ptr<const warnings> warned{}; ///< for /readyz; may be nullptr
  /// Receives the reason if accepting fails, for example because no descriptors are left. Called on
  /// an I/O thread, at most once a second. May be empty.
  std::function<void(std::string_view reason)> on_accept_failure{};
  /// Told, on an I/O thread and at most once a minute, how many connections were cut and refused
  /// since the last time because all of them hold more than memory_bytes_max. May be empty.
  std::function<void(std::size_t cut, std::size_t refused)> on_memory_full{};
  /// Told, on an I/O thread, of a client that was closed by plain_is_for_proxies. May be empty.
  std::function<void(std::string_view address)> on_stranger{};
  /// Told, on an I/O thread, of each request that was refused because of its caller. May be empty.
  std::function<void(const access_report&)> on_access_refused{};
  /// Told, on a thread of handshakes, why a client's handshake has failed. May be empty.
  std::function<void(std::string_view why)> on_handshake_failure{};
  /// Told, on an I/O thread, how long the certificate of the TLS listener is still valid: 21, 7, 3
  /// and 1 days before it ends, and, with a number of at most 0, at its end. May be empty.
  std::function<void(std::chrono::seconds left)> on_certificate_expiry{};
  /// Told, on an I/O thread, that a WebSocket was opened without any of the sub-protocols that its
  /// client offered; may be empty. A browser closes such a connection without saying why. What was
  /// offered is not told, because clients that cannot set headers send secrets there.
  std::function<void()> on_protocol_refused{};
};

} // namespace telemetry::net
