#pragma once

#include <utility> // Asio of Boost 1.74 in C++20 lacks it

#include "net/rest/http_message.hpp"

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <optional>
#include <string_view>

namespace telemetry::net {

/// A request head, as parsed by Beast.
using request_head = boost::beast::http::request<boost::beast::http::string_body>;

/// The answer to a request that cannot be read.
struct read_fault {
  int status;              ///< of HTTP
  std::string_view detail; ///< a literal
};

/// The answer to a parser's error; nullopt if the connection itself has ended or failed.
[[nodiscard]] std::optional<read_fault> fault_of(boost::beast::error_code error);

/// Replaces several lines of one list field by a single line with the same members, because a list
/// may be spread over lines (RFC 9110, 5.3). Covers the list fields that the server reads, except
/// Transfer-Encoding, whose lines fault_of() judges.
void join_list_fields(request_head& head);

/// Takes the first member off the front of the comma-separated `list`, without the white space
/// around it.
[[nodiscard]] std::string_view take_member(std::string_view& list) noexcept;

/// Whether the comma-separated `list` contains `token`, ignoring case.
[[nodiscard]] bool has_token(std::string_view list, std::string_view token) noexcept;

/// Whether the client wants the connection to stay open (RFC 9112, 9.3).
/// @pre join_list_fields(head)
[[nodiscard]] bool keeps_alive(const request_head& head);

/// Whether the client waits for 100 Continue before it sends the body.
/// @pre join_list_fields(head)
[[nodiscard]] bool expects_continue(const request_head& head);

/// Whether the method has a body, but the head does not give its length. Then the bytes after the
/// head may be a body or the next request.
[[nodiscard]] bool lacks_length(const request_head& head);

/// Checks a head for faults that Beast does not check (RFC 9112, 3.2, 6.1 and 6.3; RFC 9110,
/// 10.1.1). @returns nullopt if there is no fault. @pre join_list_fields(head)
[[nodiscard]] std::optional<read_fault> fault_of(const request_head& head);

/// How a request shows its right.
struct shown_credentials {
  std::string_view text; ///< of the first Authorization; "" if there is none
  std::size_t lines = 0; ///< how many there are
};

/// Walks over the fields, because Beast's search by name takes longer than all else that a key
/// costs.
[[nodiscard]] shown_credentials credentials_of(const request_head& head) noexcept;

/// The request without its body; its views point into `head`.
/// @pre join_list_fields(head)
[[nodiscard]] http_request request_of(const request_head& head);

[[nodiscard]] inline std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

} // namespace telemetry::net
