#include "http_fixture.hpp"

#include <algorithm>
#include <cctype>

namespace telemetry::net {
namespace {

/// Takes a chunked body off the front of `bytes`. @returns false if it is not whole yet.
bool take_chunked(std::string& bytes, http_response& response) {
  std::size_t at = 0;
  while (true) {
    const std::size_t line_end = bytes.find("\r\n", at);
    if (line_end == std::string::npos)
      return false;
    const std::size_t size = std::stoul(bytes.substr(at, line_end - at), nullptr, 16);
    if (bytes.size() < line_end + 2 + size + 2)
      return false;
    response.body.append(bytes, line_end + 2, size);
    at = line_end + 2 + size + 2;
    if (size == 0)
      break;
    ++response.chunks;
  }
  bytes.erase(0, at);
  return true;
}

void parse_head(const std::string& head, http_response& response) {
  response.version = head.substr(0, 8);
  response.status = std::stoi(head.substr(9, 3));
  std::size_t at = head.find("\r\n") + 2;
  while (at < head.size()) {
    const std::size_t end = head.find("\r\n", at);
    const std::size_t colon = head.find(": ", at);
    std::string name = head.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    response.headers[name] = head.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
}

} // namespace

bool take_response(std::string& bytes, http_response& response, bool head_only, bool ended) {
  const std::size_t head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string::npos)
    return false;
  response = {};
  parse_head(bytes.substr(0, head_end + 2), response);
  std::string rest = bytes.substr(head_end + 4);
  const bool bodiless = head_only || response.status == 204 || response.status == 100;
  const auto length = response.headers.find("content-length");
  if (!bodiless && response.headers.count("transfer-encoding") != 0) {
    if (!take_chunked(rest, response))
      return false;
  } else if (!bodiless && length != response.headers.end()) {
    const std::size_t size = std::stoul(length->second);
    if (rest.size() < size)
      return false;
    response.body = rest.substr(0, size);
    rest.erase(0, size);
  } else if (!bodiless) {
    if (!ended)
      return false;
    response.body = std::exchange(rest, "");
  }
  bytes = std::move(rest);
  return true;
}

void HttpTest::TearDown() {
  api_.hold = false;
  api_.release();
  sessions_.cut_all();
  settle();
  EXPECT_EQ(sessions_.count(), 0u);
  EXPECT_EQ(api_.open_streams, 0u);
}

void HttpTest::connect() {
  clients_.emplace_back();
  switch_to(clients_.size() - 1);
  start_http_session(std::make_unique<test::feed_stream>(loop_, peer()), context_);
}

void HttpTest::switch_to(std::size_t index) {
  current_ = index;
  input_.clear();
}

void HttpTest::settle() {
  const auto pump = [](client& one) { return one.far_end.pump(); };
  do {
    loop_.restart();
    loop_.poll();
  } while (std::count_if(clients_.begin(), clients_.end(), pump) > 0);
  input_ += std::exchange(peer().output, {});
}

void HttpTest::tick(int times) {
  for (int i = 0; i < times; ++i) {
    sessions_.tick_all();
    settle();
  }
}

void HttpTest::send(std::string_view bytes) {
  auto& unread = clients_[current_].unread;
  unread = std::string(peer().input).append(bytes);
  peer().give(unread);
  settle();
}

void HttpTest::end_sending() {
  peer().end();
  settle();
}

void HttpTest::leave() {
  peer().operations_left = 0;
  peer().end();
  settle();
}

void HttpTest::block_after(std::size_t bytes) { peer().write_bytes_left = bytes; }

void HttpTest::unblock() {
  block_after(std::string::npos);
  peer().is_blocked = false;
  if (peer().listener != nullptr)
    peer().listener->on_ready();
  settle();
}

http_response HttpTest::receive(bool head_only) {
  settle();
  http_response response;
  EXPECT_TRUE(take_response(input_, response, head_only, ended())) << input_.substr(0, 1000);
  return response;
}

http_response HttpTest::get(const std::string& target, const std::string& headers) {
  return request("GET", target, headers);
}

http_response HttpTest::request(const std::string& method, const std::string& target,
                                const std::string& headers, const std::string& body) {
  std::string message = method + " " + target + " HTTP/1.1\r\nHost: test\r\n" + headers;
  if (!body.empty())
    message += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  send(message + "\r\n" + body);
  return receive(method == "HEAD");
}

http_response HttpTest::post(const std::string& content_type, const std::string& body) {
  return request("POST", "/api/events", "Content-Type: " + content_type + "\r\n", body);
}

void HttpTest::expect_end() {
  settle();
  EXPECT_TRUE(ended());
  EXPECT_EQ(input_, "");
}

} // namespace telemetry::net
