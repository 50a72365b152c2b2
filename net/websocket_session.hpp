#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "net/session.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <string_view>

namespace telemetry::net {

/// Answers `upgrade`, a `GET /upstream` with an Upgrade header, on `socket` and serves the
/// WebSocket from then on: the session registers itself in `context.sessions` and owns itself.
///
/// Thread: the I/O thread of `context`, which `socket` belongs to.
/// Errors: a bad handshake is answered with 400 and closed; nothing is thrown.
/// @param received what was read from the socket behind the request, maybe nothing.
void start_websocket_session(
    boost::asio::ip::tcp::socket socket,
    const boost::beast::http::request<boost::beast::http::string_body>& upgrade,
    std::string_view received, session_context& context);

} // namespace telemetry::net
