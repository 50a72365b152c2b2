#pragma once

#include <unistd.h>

#include <utility>

namespace telemetry {

/// Owns a file descriptor. Thread-safety: none.
class descriptor {
public:
  descriptor() = default;
  explicit descriptor(int owned) noexcept : number_(owned) {}
  descriptor(descriptor&& other) noexcept : number_(other.release()) {}
  descriptor& operator=(descriptor&& other) noexcept {
    close();
    number_ = other.release();
    return *this;
  }
  ~descriptor() { close(); }

  /// -1 if it owns none.
  [[nodiscard]] int get() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }
  /// Idempotent.
  void close() noexcept {
    if (number_ >= 0)
      ::close(release());
  }

private:
  int number_ = -1;
};

} // namespace telemetry
