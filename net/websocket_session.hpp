#pragma once

#include "net/byte_stream.hpp"
#include "net/session.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>
#include <string_view>

namespace telemetry::net {

/// How much may wait to be sent before a session stops reading: a peer that does not read its
/// answers hurts only itself.
inline constexpr std::size_t websocket_backlog_max = 64u << 10;

/// A turn of a connection ends once so many lines, or frames, were taken; what is left of its input
/// waits for the next one. As many short events as a read of 64 KiB holds.
inline constexpr std::size_t websocket_turn_lines = 2048;

/// Answers of more bytes than this are written in turns, of so many bytes each. A turn takes about
/// 0.2 ms, most of it in the kernel.
inline constexpr std::size_t websocket_write_bytes_max = 32u << 10;

/// Answers `upgrade`, a `GET /upstream` with an Upgrade header, on `stream` and serves the
/// WebSocket from then on: the session registers itself in `context.sessions` and owns itself.
///
/// Thread: the I/O thread of `context`, which `stream` belongs to.
/// Errors: a bad handshake is answered with 400 and closed; nothing is thrown.
/// @param received what was read from the stream behind the request, maybe nothing.
/// @param who hands events in.
void start_websocket_session(
    std::unique_ptr<byte_stream> stream,
    const boost::beast::http::request<boost::beast::http::string_body>& upgrade,
    std::string_view received, session_context& context, caller_ptr who);

} // namespace telemetry::net
