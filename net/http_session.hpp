#pragma once

#include <utility> // Asio of Boost 1.74 in C++20 lacks it

#include "net/byte_stream.hpp"
#include "net/session.hpp"

#include <memory>

namespace telemetry::net {

/// Serves HTTP/1.1 and 1.0 on a new connection until it ends, or hands it over to
/// start_websocket_session() at the upgrade of `GET /upstream`.
///
/// Thread: the stream's executor, which is that of `context.io`. Returns at once. The session owns
/// itself and is listed in `context.sessions` until it ends.
void start_http_session(std::unique_ptr<byte_stream> stream, session_context& context);

} // namespace telemetry::net
