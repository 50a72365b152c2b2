#pragma once

#include "net/http_response_head.hpp"
#include "net/rest/http_message.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Turns answers into the bytes that a connection sends, one answer after the other. A long body is
/// added piece by piece. Does not depend on the socket or on the source of the pieces.
///
/// Thread-safety: none.
class http_response_writer {
public:
  /// Properties of the request that affect its answer.
  struct request {
    bool http_1_0 = false;
    bool head_only = false;  ///< HEAD
    bool keep_alive = false; ///< the connection could continue afterwards
  };

  /// Begins `answer`. Does not use answer.more. @pre unsent() is empty
  void start(const http_answer& answer, const request& asked, std::string_view version);
  /// The line that invites a body. @pre unsent() is empty
  void invite_body();
  /// Adds the next piece of the answer's body. @pre unsent() is empty, !is_last()
  void add(const body_piece& piece);

  /// Whether no piece follows.
  [[nodiscard]] bool is_last() const noexcept { return is_last_; }
  /// Whether the connection may continue after this answer.
  [[nodiscard]] bool keeps_alive() const noexcept { return keep_alive_; }

  [[nodiscard]] std::string_view unsent() const noexcept {
    return std::string_view(out_).substr(sent_);
  }
  /// Bytes of memory of this object.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return out_.capacity(); }
  /// Removes the first `bytes` of unsent(), because they are sent.
  void sent(std::size_t bytes) noexcept;

private:
  void append(std::string_view text);

  std::string out_;
  std::size_t sent_ = 0; ///< bytes at the front of out_ that are sent
  bool is_chunked_ = false;
  bool is_last_ = true;
  bool keep_alive_ = false;
};

} // namespace telemetry::net
