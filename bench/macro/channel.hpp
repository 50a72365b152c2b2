#pragma once

#include "bench/macro/socket.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>

struct ssl_st;

namespace telemetry::bench {

/// How a load generator reaches the server on 127.0.0.1.
struct server_port {
  std::uint16_t number = 0;
  bool has_tls = false; ///< the certificate is not checked
  std::string key_file; ///< of the key to show; "": none

  /// The header that shows the key, with its end; "" without a key. Blocking: reads the file.
  /// @throws std::runtime_error
  [[nodiscard]] std::string authorization() const;
};

/// A connection to the server, with or without TLS.
class channel {
public:
  /// Connects, and makes the handshake of TLS. Blocking.
  /// @throws std::system_error, std::runtime_error
  explicit channel(const server_port& to);

  [[nodiscard]] int fd() const { return fd_.get(); }
  void set_non_blocking();

  /// As ::send() and ::recv(): -1 with errno, EAGAIN if it would block; 0 at the end.
  [[nodiscard]] ssize_t send(std::string_view data);
  /// With TLS it reads until `size` bytes are there or no more have come, because epoll does not
  /// know of bytes that OpenSSL holds.
  [[nodiscard]] ssize_t receive(char* into, std::size_t size);
  /// Sends all of `data` on a blocking socket. @throws std::system_error
  void send_all(std::string_view data);

private:
  struct release {
    void operator()(ssl_st* one) const noexcept;
  };

  descriptor fd_;
  std::unique_ptr<ssl_st, release> tls_; ///< nullptr without TLS
  bool is_blocking_ = true;
};

} // namespace telemetry::bench
