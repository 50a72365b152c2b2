#pragma once

#include <chrono>
#include <cstddef>

namespace telemetry::net {

/// How long an HTTP session waits for its peer. Counts ticks of the I/O thread (session::tick())
/// instead of reading a clock. Each wait replaces the last one.
///
/// Thread-safety: none.
class http_patience {
public:
  explicit http_patience(std::chrono::milliseconds idle_timeout);

  /// Waits for a request, or for room to write, for idle_timeout.
  void wait_idle() noexcept;
  /// Waits for a body, for idle_timeout after its last byte. In every idle_timeout the peer must
  /// also send 1000 bytes a second and a sixteenth of the size, so that a large body cannot keep
  /// its memory for long.
  /// @param size of the body; 0 if it is not known. Then the received bytes count as the size.
  void wait_for_body(std::size_t size) noexcept;
  /// Waits for the peer's end after the last answer: for 2 s of silence, and 10 s in all.
  void wait_for_end() noexcept;
  /// Waits for the engine without a limit, because the engine has its own deadlines.
  void wait_for_engine() noexcept { what_ = waiting_for::engine; }

  /// Call it when the peer has sent `bytes` of a body or after the last answer.
  void on_bytes(std::size_t bytes) noexcept;

  /// Counts a tick. @returns whether the peer's time is over.
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
  std::size_t window_max_ = 0; ///< ticks; the rate of a body is measured over so many
  std::size_t window_ = 0;
  std::size_t window_bytes_ = 0;
  std::size_t body_bytes_ = 0; ///< its size if known, otherwise its received bytes
};

} // namespace telemetry::net
