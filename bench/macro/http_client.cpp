#include "bench/macro/http_client.hpp"

#include <stdexcept>
#include <vector>

namespace telemetry::bench {

http_client::http_client(const server_port& port)
    : port_(port.number), authorization_(port.authorization()), channel_(port) {}

void http_client::ask(std::string_view path) {
  path_ = path;
  request_.assign("GET ").append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1:");
  request_.append(std::to_string(port_)).append("\r\n").append(authorization_).append("\r\n");
  response_.clear();
  channel_.send_all(request_);
}

bool http_client::receive() {
  thread_local std::vector<char> buffer(std::size_t{256} * 1024);
  const auto got = channel_.receive(buffer.data(), buffer.size());
  if (got < 0)
    throw_errno("recv");
  if (got == 0)
    throw std::runtime_error("the server closed the connection");
  if (!response_.take({buffer.data(), static_cast<std::size_t>(got)}))
    return false;
  if (!response_.is_ok())
    throw std::runtime_error(path_ + " answered " + response_.status() + ": " + response_.body());
  return true;
}

std::string_view http_client::get(std::string_view path) {
  ask(path);
  while (!receive()) {
  }
  return body();
}

} // namespace telemetry::bench
