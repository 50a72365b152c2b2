#pragma once

#include <chrono>
#include <cstddef>

namespace telemetry::net {

/// How long an HTTP session waits for its peer, counted in ticks of the I/O thread
/// (session::tick()), so without a clock. Only one thing is waited for at a time.
///
/// Thread-safety: none.
class http_patience {
public:
  explicit http_patience(std::chrono::milliseconds idle_timeout);

  /// For a request, or for room to write: idle_timeout from now.
  void wait_idle() noexcept;
  /// For a body: idle_timeout, and more for what comes.
  void wait_for_body() noexcept;
  /// For the peer's end behind the last answer.
  void wait_for_end() noexcept;
  /// For the engine, which keeps its own time.
  void wait_for_engine() noexcept { is_waiting_ = false; }

  /// The peer sent `bytes` of a body.
  void on_body(std::size_t bytes) noexcept;

  /// A tick has passed. @returns whether the peer's time is over.
  [[nodiscard]] bool tick() noexcept;

private:
  [[nodiscard]] std::size_t ticks_of(std::chrono::milliseconds time) const noexcept;
  void wait(std::size_t ticks) noexcept;

  std::chrono::milliseconds tick_;
  std::size_t idle_ticks_;
  std::size_t ticks_left_ = 0;
  std::size_t body_bytes_ = 0;
  bool is_waiting_ = false;
};

} // namespace telemetry::net
