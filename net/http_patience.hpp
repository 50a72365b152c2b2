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
  /// For a body: idle_timeout from its last byte on. In every idle_timeout it must also bring 1000
  /// bytes a second and a sixteenth of its size, so that a large one cannot keep its memory for
  /// long.
  /// @param size 0 if it is not known: then what has come counts
  void wait_for_body(std::size_t size) noexcept;
  /// For the peer's end behind the last answer: 2 s of silence, 10 s in all.
  void wait_for_end() noexcept;
  /// For the engine, which keeps its own time.
  void wait_for_engine() noexcept { what_ = waiting_for::engine; }

  /// The peer sent `bytes`, of a body or behind the last answer.
  void on_bytes(std::size_t bytes) noexcept;

  /// A tick has passed. @returns whether the peer's time is over.
  [[nodiscard]] bool tick() noexcept;

private:
  enum class waiting_for { engine, peer, body, end };

  [[nodiscard]] std::size_t ticks_of(std::chrono::milliseconds time) const noexcept;
  void wait(waiting_for what, std::size_t silence, std::size_t window) noexcept;
  [[nodiscard]] bool ends_window() noexcept;
  [[nodiscard]] std::size_t window_bytes_min() const noexcept;

  std::chrono::milliseconds tick_;
  std::size_t idle_ticks_;
  waiting_for what_ = waiting_for::engine;
  std::size_t silence_max_ = 0; ///< ticks
  std::size_t silence_ = 0;
  std::size_t window_max_ = 0; ///< ticks; of a body: over which its rate is measured
  std::size_t window_ = 0;
  std::size_t window_bytes_ = 0;
  std::size_t body_bytes_ = 0; ///< its size, or what has come of it
};

} // namespace telemetry::net
