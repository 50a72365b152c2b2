#pragma once

#include "storage/open_storage.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <optional>

namespace telemetry {

/// Opens a storage on a thread of its own, again and again while a server of it does not answer, so
/// that a stop need not wait for that server.
///
/// Thread-safety: none. A thread that still waits for a server outlives this object; it ends with
/// the process.
class open_in_background {
public:
  /// @param on_unreachable is told why, on that thread, before each pause.
  open_in_background(storage_options how, std::function<void(const failure&)> on_unreachable);

  /// Blocks for `patience` at most. @returns what open_storage() said in the end, never
  /// errc::unreachable; nothing if it is not there yet. @pre did not return it before.
  [[nodiscard]] std::optional<result<storage>> wait(std::chrono::milliseconds patience);

private:
  std::future<result<storage>> outcome_;
};

} // namespace telemetry
