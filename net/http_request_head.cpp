#include "net/http_request_head.hpp"

#include <boost/beast/http/error.hpp>

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
  return verb == http::verb::post ? http_method::post : http_method::other;
}

} // namespace

http_request request_of(const request_head& head) {
  http_request request;
  request.method = method_of(head.method());
  request.target = view(head.target());
  request.accept = view(head[http::field::accept]);
  request.content_type = view(head[http::field::content_type]);
  request.content_encoding = view(head[http::field::content_encoding]);
  return request;
}

std::optional<read_fault> fault_of(boost::beast::error_code error) {
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return std::nullopt;
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return read_fault{431, "the request's header is too large"};
  if (error == http::error::body_limit)
    return read_fault{413, "the body is larger than ingest.max_body"};
  if (error.category() == http::make_error_code(http::error::bad_method).category())
    return read_fault{400, "the request is not well-formed HTTP/1.1"};
  return std::nullopt;
}

std::optional<read_fault> fault_of(const request_head& head) {
  const auto hosts = head.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && head.version() == 11))
    return read_fault{400, "the request must have one Host header"};
  const auto coding = view(head[http::field::transfer_encoding]);
  if (!coding.empty() && !boost::beast::iequals(head[http::field::transfer_encoding], "chunked"))
    return read_fault{501, "the only Transfer-Encoding understood is chunked"};
  if (!coding.empty() && head.version() == 10)
    return read_fault{400, "HTTP/1.0 has no Transfer-Encoding"};
  const auto expected = head[http::field::expect];
  if (!expected.empty() && !boost::beast::iequals(expected, "100-continue"))
    return read_fault{417, "the only expectation understood is 100-continue"};
  return std::nullopt;
}

} // namespace telemetry::net
