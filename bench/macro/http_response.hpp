#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace telemetry::bench {

/// Assembles one HTTP/1.1 answer from received pieces. Has the part of RFC 9112 that a load
/// generator needs (Content-Length or chunks, no pipelining, trailers skipped).
class http_response {
public:
  /// Adds received bytes. @returns whether the answer is complete.
  bool take(std::string_view received);

  /// Drops the answer. Bytes that are added later belong to the next one.
  void clear();

  /// `HTTP/1.1 200 OK`
  [[nodiscard]] const std::string& status() const { return status_; }
  [[nodiscard]] bool is_ok() const { return status_.starts_with("HTTP/1.1 200"); }
  [[nodiscard]] const std::string& body() const { return body_; }

private:
  enum class part { status, header, body, chunk_size, chunk_end, trailer, done };

  void take_line();
  void take_header();

  part expected_ = part::status;
  bool chunked_ = false;
  std::size_t body_left_ = 0; ///< of the body, or of the chunk
  std::string line_;          ///< received so far
  std::string status_;
  std::string body_;
};

} // namespace telemetry::bench
