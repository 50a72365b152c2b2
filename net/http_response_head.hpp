#pragma once

#include "net/rest/http_message.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Marks of the end of a body (RFC 9112, 6.3).
enum class http_framing {
  none,    ///< the status has no body
  length,  ///< Content-Length
  chunked, ///< Transfer-Encoding: chunked
  close,   ///< the end of the connection (HTTP/1.0)
};

/// The framing of an answer, and its values for status line and headers.
struct http_frame {
  http_framing framing = http_framing::length;
  bool http_1_0 = false;
  bool keep_alive = true;
  std::string_view version; ///< of this server
};

/// The framing of `answer` in the client's version of HTTP. Other members have their defaults.
[[nodiscard]] http_frame frame_of(const http_answer& answer, bool http_1_0);

/// Appends the status line and the headers of `answer`, with the empty line. Each thread makes Date
/// and Server once a second.
void append_head(std::string& out, const http_answer& answer, const http_frame& frame);

/// Appends `text` as a chunk. @pre !text.empty()
void append_chunk(std::string& out, std::string_view text);

/// The end of a chunked body, after its last chunk.
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

} // namespace telemetry::net
