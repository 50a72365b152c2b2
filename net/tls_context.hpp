#pragma once

#include "core/result.hpp"
#include "net/openssl_handles.hpp"
#include "net/tls_files.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace telemetry::net {

/// A pair of certificate and key that was loaded and tried, with the settings of TLS.
///
/// TLS 1.2 and 1.3 without renegotiation, compression, resumption, tickets and early data (ADR
/// 0065). The application protocol is http/1.1, or the client names none.
///
/// Immutable and thread-safe. A connection keeps what it needs of it, so it may be freed before.
class tls_context {
public:
  using time_point = std::chrono::system_clock::time_point;

  /// Loads the files, and checks that key and certificate match, that each certificate is issued by
  /// the next one, that the certificate is valid at `now`, and that a handshake succeeds.
  /// Blocking: reads files.
  /// @param takes_expired whether a certificate that is not valid at `now` is taken all the same
  /// @returns errc::unavailable, invalid_option or malformed; the text names the file and the cure.
  [[nodiscard]] static result<std::shared_ptr<const tls_context>>
  load(const tls_files& files, time_point now, bool takes_expired = false);

  /// The server's side of a new connection. It waits for a ClientHello.
  /// Throws std::bad_alloc.
  [[nodiscard]] ssl_ptr new_server() const;

  /// Whether a client that has shown `leaf`, and the certificates `chain`, would be accepted now.
  [[nodiscard]] bool trusts(X509* leaf, STACK_OF(X509) * chain) const;

  /// The times between which the server's certificate is valid.
  [[nodiscard]] time_point begins_at() const noexcept { return begins_at_; }
  [[nodiscard]] time_point ends_at() const noexcept { return ends_at_; }
  [[nodiscard]] bool is_valid_at(time_point now) const noexcept {
    return now >= begins_at_ && now <= ends_at_;
  }
  /// The names that the certificate is for, separated by ", "; its subject if it has none.
  [[nodiscard]] const std::string& names() const noexcept { return names_; }

private:
  tls_context() = default;

  ssl_context_ptr native_;
  time_point begins_at_{};
  time_point ends_at_{};
  std::string names_;
};

} // namespace telemetry::net
