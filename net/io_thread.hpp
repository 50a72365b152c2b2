#pragma once

#include <cstddef>
#include <functional>

namespace telemetry::net {

/// One of the threads that own the sockets, as the engine sees it.
class io_thread {
public:
  virtual ~io_thread() = default;

  /// Runs `task` on this thread, after everything that is ready there already. Never blocks.
  /// Thread-safe. Tasks posted after the thread has stopped are destroyed unrun.
  virtual void post(std::function<void()> task) = 0;

  /// 0 to net.io_threads - 1.
  [[nodiscard]] virtual std::size_t index() const noexcept = 0;
};

} // namespace telemetry::net
