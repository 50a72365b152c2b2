#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "net/byte_stream.hpp"
#include "net/io_thread.hpp"
#include "net/session.hpp"
#include "net/tls_credentials.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

namespace telemetry::net {

/// How a connection is opened.
struct tls_opening_plan {
  std::shared_ptr<const tls_credentials> credentials;
  std::chrono::steady_clock::time_point deadline; ///< the opening is closed after it
  /// Receives the stream once the handshake has succeeded, or nullptr and why it has not. It must
  /// rebind() the stream, which still reports to the opening. Called once, on the opening's thread
  /// and not from within a call to the stream.
  std::function<void(std::unique_ptr<byte_stream>, std::string_view why)> on_end;
};

/// Opens TLS on a new connection: gathers the ClientHello, then makes the handshake. OpenSSL is
/// asked only after a whole ClientHello has come. A client that speaks HTTP without TLS gets a line
/// of text.
///
/// Thread: the stream's executor, which is that of `io`. The opening owns itself and is listed in
/// `openings` until it ends. There, drain() closes it, because its client has sent no request yet.
void start_tls_opening(std::unique_ptr<byte_stream> stream, session_registry& openings,
                       io_thread& io, tls_opening_plan plan);

} // namespace telemetry::net
