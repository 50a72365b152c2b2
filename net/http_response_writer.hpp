#pragma once

#include "net/http_response_head.hpp"
#include "net/rest/http_message.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Turns answers into the bytes that a connection sends, one answer after the other. A long body is
/// added piece by piece. Knows neither the socket nor where the pieces come from.
///
/// Thread-safety: none.
class http_response_writer {
public:
  /// What the request says about its answer.
  struct request {
    bool http_1_0 = false;
    bool head_only = false;  ///< HEAD
    bool keep_alive = false; ///< the connection could go on afterwards
  };

  /// Begins `answer`, of which `more` is not touched. @pre unsent() is empty
  void start(const http_answer& answer, const request& asked, std::string_view version);
  /// The line that invites a body. @pre unsent() is empty
  void invite_body();
  /// Adds the next piece of the answer's body. @pre unsent() is empty, !is_last()
  void add(const body_piece& piece);

  /// No piece will follow.
  [[nodiscard]] bool is_last() const noexcept { return is_last_; }
  /// The connection may go on behind this answer.
  [[nodiscard]] bool keeps_alive() const noexcept { return keep_alive_; }

  [[nodiscard]] std::string_view unsent() const noexcept {
    return std::string_view(out_).substr(sent_);
  }
  /// Bytes of memory that it takes.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return out_.capacity(); }
  /// The first `bytes` of unsent() are sent.
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
