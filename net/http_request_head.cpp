#include "net/http_request_head.hpp"

#include "net/http_host.hpp"
#include "net/rest/format_media.hpp"

#include <boost/beast/http/error.hpp>

#include <string>

namespace telemetry::net {

namespace http = boost::beast::http;

namespace {

http_method method_of(http::verb verb) noexcept {
  if (verb == http::verb::get)
    return http_method::get;
  if (verb == http::verb::head)
    return http_method::head;
  if (verb == http::verb::options)
    return http_method::options;
  if (verb == http::verb::put)
    return http_method::put;
  if (verb == http::verb::delete_)
    return http_method::delete_;
  return verb == http::verb::post ? http_method::post : http_method::other;
}

/// The list fields that the server reads.
constexpr http::field list_fields[] = {http::field::accept,
                                       http::field::accept_encoding,
                                       http::field::connection,
                                       http::field::content_encoding,
                                       http::field::expect,
                                       http::field::upgrade,
                                       http::field::sec_websocket_version,
                                       http::field::sec_websocket_protocol};

std::string joined_lines(const request_head& head, http::field name) {
  std::string list;
  const auto [line, end] = head.equal_range(name);
  for (auto at = line; at != end; ++at) {
    if (at->value().empty())
      continue;
    list += list.empty() ? "" : ", ";
    list += view(at->value());
  }
  return list;
}

/// Whether Expect has members other than 100-continue.
bool expects_more_than_continue(const request_head& head) noexcept {
  for (auto list = view(head[http::field::expect]); !list.empty();) {
    const auto member = take_member(list);
    if (!member.empty() && !equals_ignoring_case(member, "100-continue"))
      return true;
  }
  return false;
}

std::optional<read_fault> host_fault(const request_head& head) {
  const auto hosts = head.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && head.version() == 11))
    return read_fault{400, "the request must have one Host header"};
  if (!is_host(view(head[http::field::host])))
    return read_fault{400, "Host must be a name or an address, and perhaps a port"};
  return std::nullopt;
}

/// Refuses a Transfer-Encoding other than chunked. An empty one is refused although a list may be
/// empty, because a proxy on the way may frame the body by it.
std::optional<read_fault> coding_fault(const request_head& head) {
  const auto [begin, end] = head.equal_range(http::field::transfer_encoding);
  for (auto line = begin; line != end; ++line) {
    if (line->value().empty())
      return read_fault{400, "Transfer-Encoding is empty"};
    if (!equals_ignoring_case(view(line->value()), "chunked"))
      return read_fault{501, "the only Transfer-Encoding understood is chunked"};
    if (head.version() == 10)
      return read_fault{400, "HTTP/1.0 has no Transfer-Encoding"};
  }
  return std::nullopt;
}

} // namespace

void join_list_fields(request_head& head) {
  for (const auto name : list_fields)
    if (head.count(name) > 1)
      head.set(name, joined_lines(head, name));
}

std::string_view take_member(std::string_view& list) noexcept {
  const auto comma = list.find(',');
  auto member = list.substr(0, comma);
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  const auto begin = member.find_first_not_of(" \t");
  if (begin == std::string_view::npos)
    return {};
  return member.substr(begin, member.find_last_not_of(" \t") + 1 - begin);
}

bool has_token(std::string_view list, std::string_view token) noexcept {
  while (!list.empty())
    if (equals_ignoring_case(take_member(list), token))
      return true;
  return false;
}

bool keeps_alive(const request_head& head) {
  const auto options = view(head[http::field::connection]);
  if (has_token(options, "close"))
    return false;
  return head.version() == 11 || has_token(options, "keep-alive");
}

bool expects_continue(const request_head& head) {
  return head.version() == 11 && has_token(view(head[http::field::expect]), "100-continue");
}

bool lacks_length(const request_head& head) {
  const auto method = head.method();
  const bool has_body =
      method == http::verb::post || method == http::verb::put || method == http::verb::patch;
  return has_body && head.count(http::field::content_length) == 0 &&
         head.count(http::field::transfer_encoding) == 0;
}

shown_credentials credentials_of(const request_head& head) noexcept {
  shown_credentials shown;
  for (const auto& field : head) {
    if (field.name() == http::field::authorization && shown.lines++ == 0)
      shown.text = view(field.value());
  }
  return shown;
}

http_request request_of(const request_head& head) {
  http_request request;
  request.method = method_of(head.method());
  request.target = view(head.target());
  request.accept = view(head[http::field::accept]);
  request.accept_encoding = view(head[http::field::accept_encoding]);
  request.content_type = view(head[http::field::content_type]);
  request.content_encoding = view(head[http::field::content_encoding]);
  const auto shown = credentials_of(head);
  request.authorization = shown.text;
  request.authorization_lines = shown.lines;
  return request;
}

std::optional<read_fault> fault_of(boost::beast::error_code error) {
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return std::nullopt;
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return read_fault{431, "the request's header is too large"};
  if (error.category() == http::make_error_code(http::error::bad_method).category())
    return read_fault{400, "the request is not well-formed HTTP/1.1"};
  return std::nullopt;
}

std::optional<read_fault> fault_of(const request_head& head) {
  if (const auto fault = host_fault(head))
    return fault;
  if (const auto fault = coding_fault(head))
    return fault;
  if (head.method() == http::verb::post && lacks_length(head)) // find_route() refuses other methods
    return read_fault{411, "a POST must have Content-Length or Transfer-Encoding: chunked"};
  if (expects_more_than_continue(head))
    return read_fault{417, "the only expectation understood is 100-continue"};
  return std::nullopt;
}

} // namespace telemetry::net
