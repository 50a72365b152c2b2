#include "net/rest/problem.hpp"

#include "core/number.hpp"
#include "net/rest/format_json.hpp"
#include "net/rest/http_target.hpp"

namespace telemetry::net {
namespace {

constexpr std::string_view retry_after = "Retry-After: 1\r\n";

int status_of(errc code) noexcept {
  switch (code) {
  case errc::malformed:
    return 400;
  case errc::unavailable:
  case errc::no_space:
  case errc::fenced:
  case errc::shutting_down:
  case errc::unreachable:
    return 503;
  case errc::timeout:
    return 504;
  case errc::sync_failed:
  case errc::write_failed:
  case errc::corrupt:
  case errc::damaged_row:
  case errc::version:
  case errc::locked:
  case errc::invalid_option:
    return 500;
  }
  return 500;
}

} // namespace

std::string_view status_phrase(int status) noexcept {
  switch (status) {
  case 200:
    return "OK";
  case 204:
    return "No Content";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 411:
    return "Length Required";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 417:
    return "Expectation Failed";
  case 426:
    return "Upgrade Required";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  default:
    return "Unknown";
  }
}

http_answer make_problem(int status, std::string_view target, std::string_view detail) {
  http_answer answer;
  answer.status = status;
  answer.content_type = "application/problem+json";
  if (status == 503)
    answer.headers = retry_after;
  std::string& body = answer.body;
  body = "{\"detail\":";
  append_json_string(body, detail);
  body += ",\"instance\":";
  append_json_string(body, instance_of(target));
  body += ",\"status\":";
  append_integer(body, status);
  body += ",\"title\":";
  append_json_string(body, status_phrase(status));
  body += ",\"type\":\"about:blank\"}\n";
  return answer;
}

http_answer make_problem(const failure& why, std::string_view target) {
  return make_problem(status_of(why.code), target, why.text);
}

} // namespace telemetry::net
