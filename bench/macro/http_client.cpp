#include "bench/macro/http_client.hpp"

#include <charconv>
#include <stdexcept>
#include <strings.h>
#include <sys/socket.h>

namespace telemetry::bench {

namespace {

std::size_t to_number(std::string_view text, int base) {
  std::size_t value = 0;
  std::from_chars(text.begin(), text.end(), value, base);
  return value;
}

/// The value of a header line, or an empty view if the line is of another header.
std::string_view value_of(std::string_view line, std::string_view header) {
  if (line.size() < header.size() || ::strncasecmp(line.data(), header.data(), header.size()) != 0)
    return {};
  line.remove_prefix(header.size());
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return line;
}

} // namespace

http_client::http_client(std::uint16_t port) : port_(port), fd_(connect_loopback(port)) {}

std::string_view http_client::get(std::string_view path) {
  request_.assign("GET ").append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1:");
  request_.append(std::to_string(port_)).append("\r\n\r\n");
  send_all(fd_.get(), request_);
  body_.clear();
  const std::string status(take_line());
  std::size_t size = 0;
  bool chunked = false;
  for (auto line = take_line(); !line.empty(); line = take_line()) {
    if (const auto value = value_of(line, "content-length:"); !value.empty())
      size = to_number(value, 10);
    chunked = chunked || !value_of(line, "transfer-encoding:").empty();
  }
  chunked ? take_chunks() : take_body(size);
  if (!status.starts_with("HTTP/1.1 200"))
    throw std::runtime_error(std::string(path) + " answered " + status + ": " + body_);
  return body_;
}

void http_client::receive() {
  buffer_.erase(0, std::exchange(taken_, 0));
  constexpr std::size_t most = std::size_t{256} * 1024;
  const auto before = buffer_.size();
  buffer_.resize(before + most);
  const auto got = ::recv(fd_.get(), buffer_.data() + before, most, 0);
  if (got < 0)
    throw_errno("recv");
  if (got == 0)
    throw std::runtime_error("the server closed the connection");
  buffer_.resize(before + static_cast<std::size_t>(got));
}

/// Valid until the next call that receives.
std::string_view http_client::take_line() {
  auto end = buffer_.find("\r\n", taken_);
  while (end == std::string::npos) {
    receive();
    end = buffer_.find("\r\n", taken_);
  }
  const auto line = std::string_view(buffer_).substr(taken_, end - taken_);
  taken_ = end + 2;
  return line;
}

void http_client::take_body(std::size_t size) {
  while (true) {
    const auto part = std::min(size, buffer_.size() - taken_);
    body_.append(buffer_, taken_, part);
    taken_ += part;
    size -= part;
    if (size == 0)
      return;
    receive();
  }
}

void http_client::take_chunks() {
  while (const auto size = to_number(take_line(), 16)) {
    take_body(size);
    take_line();
  }
  while (!take_line().empty()) {
  }
}

} // namespace telemetry::bench
