#pragma once

#include "config/options.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Settings of the network side. Defaults stand in config::options alone.
struct server_options {
  [[nodiscard]] static server_options from(const config::options& settings);

  std::string host = config::options{}.net.host;
  std::uint16_t port = config::options{}.net.port; ///< 0: any free one
  std::size_t io_threads = config::options{}.net.io_threads;
  /// Sockets of all kinds; beyond: 1013 or 503.
  std::size_t connections_max = config::options{}.net.connections_max;
  std::size_t message_bytes_max = config::options{}.ingest.max_message;
  std::size_t body_bytes_max = config::options{}.ingest.max_body;
  /// Silent peers are pinged, then closed.
  std::chrono::milliseconds idle_timeout = config::options{}.net.idle_timeout;
  std::string version; ///< for /version and the Server header
  /// Told, on an I/O thread and once a second at most, that accepting failed (no descriptors left,
  /// say) and is tried again; may be empty.
  std::function<void(std::string_view reason)> on_accept_failure{};
  /// Told, on an I/O thread, that a WebSocket was opened without any of the sub-protocols that its
  /// client offered; may be empty. A browser closes such a connection without saying why.
  std::function<void(std::string_view offered)> on_protocol_refused{};
};

} // namespace telemetry::net
