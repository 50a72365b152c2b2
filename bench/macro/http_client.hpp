#pragma once

#include "bench/macro/http_response.hpp"
#include "bench/macro/socket.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace telemetry::bench {

/// One keep-alive connection for GET requests, one after the other.
class http_client {
public:
  /// @throws std::system_error
  explicit http_client(std::uint16_t port);

  [[nodiscard]] int fd() const { return fd_.get(); }

  /// Sends a request. @pre there is none whose answer is not whole.
  void ask(std::string_view path);

  /// Takes what the socket has, and waits if that is nothing. @returns whether the answer is whole.
  /// @throws std::runtime_error if the connection ends, or the status is not 200.
  bool receive();

  /// Of the answer that is whole; valid until the next ask().
  [[nodiscard]] std::string_view body() const { return response_.body(); }

  /// Asks and reads the whole answer; its body is valid until the next call. Blocking.
  std::string_view get(std::string_view path);

private:
  std::uint16_t port_;
  descriptor fd_;
  std::string request_;
  std::string path_;
  http_response response_;
};

} // namespace telemetry::bench
