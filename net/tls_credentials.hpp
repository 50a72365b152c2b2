#pragma once

#include "net/tls_context.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace telemetry::net {

/// The pair of certificate and key that new TLS connections get. A reload replaces it. Connections
/// that are open keep the pair that they began with.
///
/// Thread-safe.
class tls_credentials {
public:
  using time_point = tls_context::time_point;

  /// Loads the pair. A certificate that has expired is taken, so that a restart does not make a bad
  /// situation worse; tls_context::is_valid_at() tells.
  /// Blocking: reads files. Errors: those of tls_context::load().
  [[nodiscard]] static result<std::shared_ptr<tls_credentials>> load(tls_files files,
                                                                     time_point now);

  /// The pair for a new connection; never nullptr.
  [[nodiscard]] std::shared_ptr<const tls_context> current() const;

  /// Changes with every pair that is taken.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_.load(); }

  /// Reads the files again, and takes the pair for later connections once all of it was tried.
  /// After a failure the old pair stays. A pair that has expired is a failure, unless the old one
  /// has expired too. Blocking: reads files. To be called by one thread at a time.
  [[nodiscard]] result<void> reload(time_point now);

  [[nodiscard]] const tls_files& files() const noexcept { return files_; }

private:
  tls_credentials(tls_files files, std::shared_ptr<const tls_context> first)
      : files_(std::move(files)), current_(std::move(first)) {}

  const tls_files files_;
  mutable std::mutex mutex_; ///< guards current_
  std::shared_ptr<const tls_context> current_;
  std::atomic<std::uint64_t> generation_{1};
};

/// Decides when to warn that a certificate ends: 21, 7, 3 and 1 days before, and at its end.
/// Thread-safety: none.
class expiry_warnings {
public:
  using time_point = std::chrono::system_clock::time_point;

  /// @returns how long a certificate that ends at `ends_at` is still valid, below 0 if it has
  /// ended,
  ///          if a warning is due; nullopt if none is due, or the last one was the same.
  [[nodiscard]] std::optional<std::chrono::seconds> due(time_point ends_at,
                                                        time_point now) noexcept;

private:
  time_point ends_at_{};     ///< of the certificate that was warned of
  std::size_t warnings_ = 0; ///< that were due for it
};

} // namespace telemetry::net
