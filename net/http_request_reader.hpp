#pragma once

#include <utility> // Asio of Boost 1.74 in C++20 lacks it

#include "net/http_body_reader.hpp"
#include "net/http_head_scanner.hpp"
#include "net/http_request_head.hpp"
#include "net/wiped_string.hpp"

#include <boost/beast/http/parser.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace telemetry::net {

inline constexpr read_fault body_too_large{413, "the body is larger than ingest.max_body"};

/// Reads requests from the bytes of a connection, one after the other: first the head, then the
/// body, if the session asks for it. Does not depend on the socket or on time.
///
/// Thread-safety: none. Holds at most head_bytes_max of the current head, the current body, and one
/// read beyond them.
class http_request_reader {
public:
  enum class progress {
    partial, ///< more must be received
    whole,
    faulty, ///< fault() has the reason; no further request can be read
  };

  explicit http_request_reader(std::size_t body_bytes_max);

  /// Begins the next request with the bytes that were received after the last one.
  void start();
  /// Adds received bytes.
  void receive(std::string_view bytes);

  /// @returns whole once the head is parsed and its list fields are joined. The caller must check
  ///          fault_of(head()).
  [[nodiscard]] progress read_head();
  /// Overwrites the credentials of the head. @pre read_head() returned whole, and no later call
  void forget_credentials() noexcept;
  /// Begins the body. @pre read_head() returned whole
  void begin_body();
  /// @pre begin_body()
  [[nodiscard]] progress read_body();
  [[nodiscard]] const read_fault& fault() const noexcept { return fault_; }

  /// Whether a part of a request was received. Empty lines before it do not count (RFC 9112, 2.2).
  [[nodiscard]] bool begun() const noexcept { return !received().empty(); }
  /// The received bytes that are not used yet.
  [[nodiscard]] std::string_view received() const noexcept {
    return std::string_view(buffer_).substr(taken_);
  }

  /// Empty until read_head() returned whole.
  [[nodiscard]] request_head& head() noexcept { return parser_->get(); }
  [[nodiscard]] const request_head& head() const noexcept { return parser_->get(); }
  /// Whether the head announces a body, even an empty one in chunks.
  [[nodiscard]] bool announces_body() const { return !parser_->is_done(); }
  [[nodiscard]] bool has_chunked_body() const { return parser_->chunked(); }
  /// Size of the announced body; 0 if it comes in chunks.
  [[nodiscard]] std::size_t body_size() const {
    return static_cast<std::size_t>(parser_->content_length().value_or(0));
  }
  /// Moves the body out. @pre read_body() returned whole
  [[nodiscard]] std::string take_body() noexcept { return std::move(body_.text()); }
  /// Bytes of memory of the request without its body, and of the bytes received after it.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return buffer_.capacity() + head_bytes_; }
  /// Bytes of the body that were received.
  [[nodiscard]] std::size_t body_bytes() noexcept { return body_.text().size(); }

private:
  void drop_empty_lines();
  void take(std::size_t bytes) noexcept { taken_ += bytes; }
  [[nodiscard]] progress parse_head();
  [[nodiscard]] progress fail(const read_fault& why) noexcept;

  std::size_t body_bytes_max_;
  wiped_string buffer_;   ///< may hold credentials
  std::size_t taken_ = 0; ///< used bytes at the front of buffer_
  head_scanner scanner_;
  std::size_t head_bytes_ = 0; ///< bytes of memory of the parsed head
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  http_body_reader body_;
  bool is_in_body_ = false;
  read_fault fault_{};
};

} // namespace telemetry::net
