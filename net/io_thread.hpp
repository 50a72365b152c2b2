#pragma once

#include <cstddef>
#include <functional>

namespace telemetry::net {

/// The engine's view of a thread that owns sockets.
class io_thread {
public:
  virtual ~io_thread() = default;

  /// Runs `task` on this thread, after all work that is ready there already. Never blocks.
  /// Thread-safe. A task that is posted after the thread has stopped is destroyed without a run.
  virtual void post(std::function<void()> task) = 0;

  /// Index of the thread, 0 to net.io_threads - 1.
  [[nodiscard]] virtual std::size_t index() const noexcept = 0;
};

} // namespace telemetry::net
