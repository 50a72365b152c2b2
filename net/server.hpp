#pragma once

#include "core/result.hpp"
#include "net/rest/api.hpp"
#include "net/server_options.hpp"
#include "net/upstream.hpp"

#include <chrono>
#include <memory>
#include <span>
#include <string>

namespace telemetry::net {

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
  /// Host and port as in a URL, e.g. "[::1]:8000". @pre listen() succeeded.
  [[nodiscard]] virtual std::string address() const = 0;

  /// Stops accepting and reading; answers what was read; closes WebSockets with 1001 and HTTP
  /// connections after their response. Blocks until all are gone or `patience` is over.
  /// @returns how many connections had to be cut.
  virtual std::size_t drain(std::chrono::milliseconds patience) = 0;

  /// Stops and joins the I/O threads. Idempotent; the destructor calls it.
  virtual void stop() = 0;
};

std::unique_ptr<server> make_server(const server_options& options);

} // namespace telemetry::net
