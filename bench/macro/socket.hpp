#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

namespace telemetry::bench {

/// Owns a file descriptor; closes it on destruction.
class descriptor {
public:
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor();
  [[nodiscard]] int get() const { return fd_; }

private:
  int fd_;
};

/// Connects to 127.0.0.1, with TCP_NODELAY. Blocking.
/// @throws std::system_error
descriptor connect_loopback(std::uint16_t port);

/// Listens on 127.0.0.1; `port` 0 takes a free one and is changed to it.
/// @throws std::system_error
descriptor listen_loopback(std::uint16_t& port);

/// Sends all of `data` on a blocking socket.
/// @throws std::system_error
void send_all(int fd, std::string_view data);

void set_non_blocking(int fd);

/// Lets this process open as many files as the hard limit allows.
void raise_file_limit();

/// @throws std::system_error with errno.
[[noreturn]] void throw_errno(const char* what);

} // namespace telemetry::bench
