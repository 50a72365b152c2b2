#pragma once

#include "net/rest/http_message.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace telemetry::net {

/// How the end of a body is told to the client.
enum class http_framing {
  none,    ///< the status has no body
  length,  ///< Content-Length
  chunked, ///< Transfer-Encoding
  close,   ///< the connection ends with it (HTTP/1.0)
};

/// How an answer is framed.
struct http_frame {
  http_framing framing = http_framing::length;
  bool http_1_0 = false;
  bool keep_alive = true;
  std::string_view version; ///< of this server
};

/// The framing of `answer` in the client's version of HTTP; the rest is as by default.
[[nodiscard]] http_frame frame_of(const http_answer& answer, bool http_1_0);

/// Appends status line and headers of `answer`, with the empty line. Date and Server are made once
/// a second and thread.
void append_head(std::string& out, const http_answer& answer, const http_frame& frame);

/// Appends `text` as a chunk. @pre !text.empty()
void append_chunk(std::string& out, std::string_view text);

/// What follows the last chunk.
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

} // namespace telemetry::net
