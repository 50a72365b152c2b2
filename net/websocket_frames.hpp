#pragma once

#include "net/upstream.hpp"

#include <string>
#include <string_view>

/// The frames that the server sends: whole, unmasked (RFC 6455, section 5).
namespace telemetry::net {

/// Appends `count` text messages "OK".
void append_ok_frames(std::string& out, std::size_t count);

/// Appends one text message.
void append_text_frame(std::string& out, std::string_view text);

/// Appends an empty ping.
void append_ping_frame(std::string& out);

/// Appends the answer to a ping. @pre at most 125 bytes.
void append_pong_frame(std::string& out, std::string_view payload);

/// Appends a close frame; a `reason` longer than the 123 bytes that fit is cut.
void append_close_frame(std::string& out, close_code code, std::string_view reason);

} // namespace telemetry::net
