#pragma once

#include "storage/open_storage.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <optional>

namespace telemetry {

/// Opens a storage on its own thread, so that a stop of the process need not wait for a database
/// server (ADR 0018). Tries again for as long as the server does not answer.
///
/// Thread-safety: none. The thread may outlive this object, because it may still wait for a server.
/// It then ends with the process.
class open_in_background {
public:
  /// @param on_unreachable gets the reason, on that thread, after each failed attempt. A pause of
  ///        0.25 to 5 s follows.
  open_in_background(storage_options how, std::function<void(const failure&)> on_unreachable);

  /// Blocks for at most `patience`.
  /// @returns the last result of open_storage(), never errc::unreachable; nullopt if opening still
  ///          goes on. @pre no earlier call returned a result.
  [[nodiscard]] std::optional<result<storage>> wait(std::chrono::milliseconds patience);

private:
  std::future<result<storage>> outcome_;
};

} // namespace telemetry
