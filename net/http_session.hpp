#pragma once

#include <utility> // Asio of Boost 1.74 in C++20 lacks it

#include "net/session.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace telemetry::net {

/// Serves HTTP/1.1 and 1.0 on a new connection until it ends, or hands it over to
/// start_websocket_session() at the upgrade of `GET /upstream`.
///
/// Thread: that of the socket's executor, which is `context.io`'s. Returns at once; the session is
/// owned by its pending operations and listed in `context.sessions` while it lives.
void start_http_session(boost::asio::ip::tcp::socket socket, session_context& context);

} // namespace telemetry::net
