#pragma once

#include "core/result.hpp"
#include "net/rest/api.hpp"
#include "net/upstream.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace telemetry::config {
struct options;
}

namespace telemetry::net {

/// Settings of the network side.
struct server_options {
  [[nodiscard]] static server_options from(const config::options& settings);

  std::string host = "127.0.0.1";
  std::uint16_t port = 8000; ///< 0: any free one
  std::size_t io_threads = 1;
  std::size_t connections_max = 50'000;           ///< sockets of all kinds; beyond: 1013 or 503
  std::size_t message_bytes_max = 64u << 10;      ///< ingest.max_message
  std::size_t body_bytes_max = 8u << 20;          ///< ingest.max_body
  std::chrono::milliseconds idle_timeout{60'000}; ///< silent peers are pinged, then closed
  std::string version;                            ///< for /version and the Server header
  /// Told, on an I/O thread and once a second at most, that accepting failed (no descriptors left,
  /// say) and is tried again; may be empty.
  std::function<void(std::string_view reason)> on_accept_failure{};
};

/// Listener, I/O threads and sessions.
class server {
public:
  virtual ~server() = default;

  /// The I/O threads, running from construction on; as many as options say.
  [[nodiscard]] virtual std::span<io_thread* const> io_threads() const = 0;

  /// Starts to accept. `upstreams` and `rest` must outlive the server. Requests are answered from
  /// now on; /readyz by rest.not_ready().
  /// @returns errc::unavailable if the address cannot be bound, with the reason.
  [[nodiscard]] virtual result<void> listen(upstream_factory& upstreams, api& rest) = 0;

  /// The port that is listened on. @pre listen() succeeded.
  [[nodiscard]] virtual std::uint16_t port() const = 0;

  /// Stops accepting and reading; answers what was read; closes WebSockets with 1001 and HTTP
  /// connections after their response. Blocks until all are gone or `patience` is over.
  /// @returns how many connections had to be cut.
  virtual std::size_t drain(std::chrono::milliseconds patience) = 0;

  /// Stops and joins the I/O threads. Idempotent; the destructor calls it.
  virtual void stop() = 0;
};

std::unique_ptr<server> make_server(const server_options& options);

} // namespace telemetry::net
