#pragma once

#include "core/result.hpp"
#include "net/callers.hpp"
#include "net/rest/api.hpp"
#include "net/server_options.hpp"
#include "net/upstream.hpp"

#include <chrono>
#include <memory>
#include <span>
#include <string>

namespace telemetry::net {

/// A way into the server.
enum class entrance {
  plain, ///< TCP without TLS
  door,  ///< a Unix domain socket, for users of this machine
};

/// The network side of the process: listeners, I/O threads and sessions.
///
/// Thread-safety: none. Never call it on an I/O thread, because drain() and stop() wait for these.
class server {
public:
  virtual ~server() = default;

  /// The I/O threads, as many as server_options::io_threads. They run from construction on.
  [[nodiscard]] virtual std::span<io_thread* const> io_threads() const = 0;

  /// Starts to accept connections and to answer requests; /readyz answers by rest.not_ready().
  /// Blocks while the host name is resolved. `upstreams` and `rest` must outlive the server.
  /// @param known the callers until set_callers()
  /// @returns errc::unavailable with the reason if the address cannot be bound, and the errors of
  ///          unix_socket::open().
  [[nodiscard]] virtual result<void> listen(upstream_factory& upstreams, api& rest,
                                            callers_ptr known = open_callers()) = 0;

  /// The port of an entrance; 0 if it is not open. @pre listen() succeeded.
  [[nodiscard]] virtual std::uint16_t port(entrance at = entrance::plain) const = 0;
  /// Host and port as in a URL, e.g. "[::1]:8000", or the path of the door; "" if the entrance is
  /// not open. @pre listen() succeeded.
  [[nodiscard]] virtual std::string address(entrance at = entrance::plain) const = 0;

  /// Replaces the callers whom the server knows. Each session asks for the rights of its caller
  /// again: a WebSocket whose right has ended closes with 1008, and a long answer is reset. Does
  /// not wait for that. Thread-safe.
  virtual void set_callers(callers_ptr known) = 0;

  /// Stops accepting and reading, removes the file of the door, answers all messages and requests
  /// that were read, then closes WebSockets with 1001 and HTTP connections after their response.
  /// Blocks until all connections are closed. After `patience` it cuts the others and waits up to 1
  /// s more.
  /// @returns the number of connections that were cut.
  virtual std::size_t drain(std::chrono::milliseconds patience) = 0;

  /// Stops accepting as drain() does, then stops and joins the I/O threads. Blocks. Idempotent; the
  /// destructor calls it.
  virtual void stop() = 0;
};

std::unique_ptr<server> make_server(const server_options& options);

} // namespace telemetry::net
