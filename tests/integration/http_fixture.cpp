#include "http_fixture.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cctype>

namespace telemetry::net {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

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
  error_code ignored;
  client_.close(ignored);
  sessions_.cut_all();
  wait_for([&] { return sessions_.count() == 0; });
  settle();
  EXPECT_EQ(api_.open_streams, 0u);
}

void HttpTest::connect() {
  tcp::acceptor acceptor(loop_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  client_ = tcp::socket(loop_);
  client_.connect(acceptor.local_endpoint());
  input_.clear();
  ended_ = false;
  start_http_session(acceptor.accept(), context_);
  read();
}

void HttpTest::read() {
  client_.async_read_some(boost::asio::buffer(buffer_), [this](error_code error, std::size_t n) {
    if (error == boost::asio::error::operation_aborted)
      return;
    input_.append(buffer_.data(), n);
    ended_ = static_cast<bool>(error);
    end_ = error;
    if (!ended_)
      read();
  });
}

void HttpTest::send(std::string_view bytes) {
  bool sent = false;
  boost::asio::async_write(client_, boost::asio::buffer(bytes.data(), bytes.size()),
                           [&](error_code, std::size_t) { sent = true; });
  wait_for([&] { return sent; });
}

http_response HttpTest::receive(bool head_only) {
  http_response response;
  wait_for([&] { return take_response(input_, response, head_only, ended_) || ended_; });
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
  wait_for([&] { return ended_; });
  EXPECT_EQ(input_, "");
}

} // namespace telemetry::net
