#pragma once

#include <utility> // Asio of Boost 1.74 in C++20 lacks it

#include "net/http_body_reader.hpp"
#include "net/http_head_scanner.hpp"
#include "net/http_request_head.hpp"

#include <boost/beast/http/parser.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Takes requests out of what a connection receives, one after the other: first the head, then, if
/// the session wants it, the body. Knows neither the socket nor the time.
///
/// Thread-safety: none. Holds at most one read beyond the request under way, head_bytes_max of its
/// head, and its body.
class http_request_reader {
public:
  enum class progress {
    partial, ///< more must be received
    whole,
    faulty, ///< fault() says why; the connection cannot be read on
  };

  explicit http_request_reader(std::size_t body_bytes_max);

  /// Begins the next request with what was received behind the last one.
  void start();
  /// Adds bytes that came from the connection.
  void receive(std::string_view bytes);

  /// @returns whole once the head is parsed and its list fields are joined. It is judged by the
  /// caller: fault_of(head()).
  [[nodiscard]] progress read_head();
  /// Takes the body from what comes. @pre read_head() returned whole
  void begin_body();
  /// @pre begin_body()
  [[nodiscard]] progress read_body();
  [[nodiscard]] const read_fault& fault() const noexcept { return fault_; }

  /// A part of a request is there; empty lines before one are none (RFC 9112, 2.2).
  [[nodiscard]] bool begun() const noexcept { return !received().empty(); }
  /// What was received and not taken.
  [[nodiscard]] std::string_view received() const noexcept {
    return std::string_view(buffer_).substr(taken_);
  }

  /// Empty until read_head() returned whole.
  [[nodiscard]] request_head& head() noexcept { return parser_->get(); }
  [[nodiscard]] const request_head& head() const noexcept { return parser_->get(); }
  /// The head announces a body, if only an empty one in chunks.
  [[nodiscard]] bool announces_body() const { return !parser_->is_done(); }
  [[nodiscard]] bool has_chunked_body() const { return parser_->chunked(); }
  /// Of the body that the head announces; 0 if it comes in chunks.
  [[nodiscard]] std::size_t body_size() const {
    return static_cast<std::size_t>(parser_->content_length().value_or(0));
  }
  /// Moves the body out. @pre read_body() returned whole
  [[nodiscard]] std::string take_body() noexcept { return std::move(body_.text()); }
  /// Bytes of memory that the request and what was received behind it take, without its body.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return buffer_.capacity() + head_bytes_; }
  /// Bytes of the body that have come.
  [[nodiscard]] std::size_t body_bytes() noexcept { return body_.text().size(); }

private:
  void drop_empty_lines();
  void take(std::size_t bytes) noexcept { taken_ += bytes; }
  [[nodiscard]] progress parse_head();
  [[nodiscard]] progress fail(const read_fault& why) noexcept;

  std::size_t body_bytes_max_;
  std::string buffer_;
  std::size_t taken_ = 0; ///< bytes at the front of buffer_ that are used up
  head_scanner scanner_;
  std::size_t head_bytes_ = 0; ///< of memory that the parsed head takes
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  http_body_reader body_;
  bool is_in_body_ = false;
  read_fault fault_{};
};

} // namespace telemetry::net
