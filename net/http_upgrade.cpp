#include <utility> // Asio of Boost 1.74 in C++20 lacks it

#include "net/http_upgrade.hpp"

#include "net/http_request_head.hpp"
#include "net/rest/problem.hpp"

#include <algorithm>

namespace telemetry::net {

namespace http = boost::beast::http;

namespace {

/// Whether `key` is 16 bytes in base64: 22 digits and 2 padding characters.
bool is_key(std::string_view key) noexcept {
  constexpr std::size_t digits = 22;
  const auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  return key.size() == digits + 2 && std::ranges::all_of(key.substr(0, digits), is_digit) &&
         key.substr(digits) == "==";
}

} // namespace

upgrade_request judge_upgrade(const http::request<http::string_body>& head) {
  const bool asked = head.method() == http::verb::get && head.version() == 11 &&
                     has_token(view(head[http::field::connection]), "upgrade") &&
                     has_token(view(head[http::field::upgrade]), "websocket");
  if (!asked)
    return upgrade_request::none;
  if (head[http::field::sec_websocket_version] != "13")
    return upgrade_request::bad_version;
  const bool has_key = head.count(http::field::sec_websocket_key) == 1 &&
                       is_key(view(head[http::field::sec_websocket_key]));
  return has_key ? upgrade_request::good : upgrade_request::bad_key;
}

void simplify_upgrade(http::request<http::string_body>& head) {
  head.set(http::field::connection, "Upgrade");
  head.set(http::field::upgrade, "websocket");
}

bool offers_protocol(const http::request<http::string_body>& head, std::string_view name) noexcept {
  for (auto list = view(head[http::field::sec_websocket_protocol]); !list.empty();)
    if (take_member(list) == name)
      return true;
  return false;
}

std::optional<http_answer> refuse_upgrade(upgrade_request kind, std::string_view target) {
  switch (kind) {
  case upgrade_request::none:
  case upgrade_request::good:
    return std::nullopt;
  case upgrade_request::bad_key:
    return make_problem(400, target, "Sec-WebSocket-Key must be 16 bytes in base64, once");
  case upgrade_request::bad_version: {
    http_answer answer = make_problem(426, target, "Sec-WebSocket-Version must be 13");
    answer.headers += "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    return answer;
  }
  }
  return std::nullopt;
}

} // namespace telemetry::net
