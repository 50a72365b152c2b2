#pragma once

#include "net/byte_stream.hpp"
#include "net/session.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>
#include <string_view>

namespace telemetry::net {

/// Unsent bytes above which a session stops reading, so that a peer that does not read its answers
/// stops only itself.
inline constexpr std::size_t websocket_backlog_max = 64u << 10;

/// A turn of a connection ends after so many lines, or frames. The rest of the input waits for the
/// next turn. A read of 64 KiB holds about so many short events.
inline constexpr std::size_t websocket_turn_lines = 2048;

/// Answers of more bytes than this are written in turns, of so many bytes each. A turn takes about
/// 0.2 ms, most of it in the kernel.
inline constexpr std::size_t websocket_write_bytes_max = 32u << 10;

/// Answers `upgrade`, a `GET /upstream` with an Upgrade header, on `stream` and serves the
/// WebSocket from then on: the session registers itself in `context.sessions` and owns itself.
///
/// Thread: the I/O thread of `context`, which `stream` belongs to.
/// Errors: a bad handshake is answered with 400 and closed. Throws no exception.
/// @param received the bytes that were read after the request; may be empty.
/// @param who the caller that sends the events.
void start_websocket_session(
    std::unique_ptr<byte_stream> stream,
    const boost::beast::http::request<boost::beast::http::string_body>& upgrade,
    std::string_view received, session_context& context, caller_ptr who);

} // namespace telemetry::net
