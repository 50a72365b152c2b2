#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "core/descriptor.hpp"
#include "net/byte_stream.hpp"
#include "net/io_pool.hpp"
#include "net/server_options.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace telemetry::net {

/// The threads that open TLS connections. A handshake takes 0.3 to 0.9 ms of cpu, so it would delay
/// the sockets of an I/O thread. These threads have a lower priority than those (ADR 0066).
///
/// Thread-safety: open() and is_full() are for the thread that accepts; count() is thread-safe.
class tls_entrance {
public:
  /// Starts the threads. Throws if the system lacks resources.
  /// @param options `tls` is not nullptr; must outlive this object, like `memory`
  tls_entrance(const server_options& options, memory_budget& memory);
  ~tls_entrance() { stop(); }
  tls_entrance(const tls_entrance&) = delete;
  tls_entrance& operator=(const tls_entrance&) = delete;

  /// Opens TLS on an accepted socket. Then calls `on_open` with the stream, on the thread of the
  /// opening, which the stream must leave (byte_stream::rebind()). Does not call it if the opening
  /// fails.
  void open(descriptor socket, std::function<void(std::unique_ptr<byte_stream>)> on_open);
  /// Whether there are tls.handshakes_max openings.
  [[nodiscard]] bool is_full() const noexcept;
  /// Openings, from accept to the end of their handshake.
  [[nodiscard]] std::size_t count() const noexcept { return count_.load(); }

  /// Closes all openings soon. Those that begin later close at once.
  void drain();
  /// Closes all openings and joins the threads. Blocks. Idempotent.
  void stop();

private:
  const server_options& options_;
  std::atomic<std::size_t> count_{0};
  std::size_t dealt_ = 0; ///< to deal sockets in turn
  std::vector<std::unique_ptr<pooled_io_thread>> threads_;
};

} // namespace telemetry::net
