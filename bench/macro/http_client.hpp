#pragma once

#include "bench/macro/channel.hpp"
#include "bench/macro/http_response.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace telemetry::bench {

/// One keep-alive connection for GET requests, one after the other.
class http_client {
public:
  /// @throws std::system_error
  explicit http_client(const server_port& port);

  [[nodiscard]] int fd() const { return channel_.fd(); }

  /// Sends a request. @pre the answer to the last request is complete.
  void ask(std::string_view path);

  /// Receives bytes, and waits for them if there are none. @returns whether the answer is complete.
  /// @throws std::runtime_error if the connection ends, or the status is not 200.
  bool receive();

  /// The body of the complete answer; valid until the next ask().
  [[nodiscard]] std::string_view body() const { return response_.body(); }

  /// Sends a request and reads the whole answer. Blocking. @returns its body, valid until the next
  /// call.
  std::string_view get(std::string_view path);

private:
  std::uint16_t port_;
  std::string authorization_; ///< header; "" without a key
  channel channel_;
  std::string request_;
  std::string path_;
  http_response response_;
};

} // namespace telemetry::bench
