#pragma once

#include "bench/macro/socket.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace telemetry::bench {

/// One keep-alive connection for GET requests. Blocking.
class http_client {
public:
  /// @throws std::system_error
  explicit http_client(std::uint16_t port);

  /// Asks and reads the whole answer; its body is valid until the next call.
  /// @throws std::runtime_error if the connection ends, or the status is not 200.
  std::string_view get(std::string_view path);

private:
  void receive();
  std::string_view take_line();
  void take_body(std::size_t size);
  void take_chunks();

  std::uint16_t port_;
  descriptor fd_;
  std::string request_;
  /// Received and not yet taken: buffer_ from taken_ on.
  std::string buffer_;
  std::size_t taken_ = 0;
  std::string body_;
};

} // namespace telemetry::bench
