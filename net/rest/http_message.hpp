#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace telemetry::net {

enum class http_method { get, head, options, post, put, delete_, other };

/// A request without its framing. The views are valid during the call only.
struct http_request {
  http_method method = http_method::other;
  std::string_view target; ///< as on the request line
  std::string_view accept;
  std::string_view accept_encoding;
  std::string_view content_type;
  std::string_view content_encoding;
  std::string_view authorization;
  std::size_t authorization_lines = 0; ///< headers of this name
  std::string body;
};

/// A part of a long body.
struct body_piece {
  std::string text;
  bool last = false;
};

/// The source of a body that is made while it is sent.
///
/// Thread: the session's I/O thread only.
class body_source {
public:
  /// Ends the body. A pending callback is not called.
  virtual ~body_source() = default;
  /// Makes the next piece. Calls `done` later or within the call. One call at a time, and none
  /// after the last piece or an error. `done` must not destroy the source.
  virtual void next(std::function<void(result<body_piece>)> done) = 0;
};

/// A response without its framing.
struct http_answer {
  int status = 200;
  std::string_view content_type; ///< a literal; "" if there is no body
  std::string headers;           ///< further header lines, each ending in CR LF
  std::string body;
  std::unique_ptr<body_source> more; ///< source of the pieces after `body`; nullptr if none follow
};

using answer_callback = std::function<void(http_answer)>;

} // namespace telemetry::net
