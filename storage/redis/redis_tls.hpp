#pragma once

#include "core/result.hpp"
#include "storage/storage_options.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_st; // OpenSSL's SSL

namespace telemetry::redis {

/// The client's side of TLS on a connected TCP socket (ADR 0045), because hiredis 0.14 has no TLS.
///
/// The server must show a certificate that is signed by a trusted CA and names the configured host.
/// No data is sent before this check, and the connection never falls back to plain text.
///
/// Thread-safety: none. Blocking: handshake(), send() and receive() wait within the timeouts of the
/// socket. The caller owns the socket, and closes it after this object is destroyed.
class redis_tls {
public:
  /// Starts TLS 1.2 or newer on `socket`. Trusts the CAs in `options.tls_ca`, or those of the
  /// system if it is empty.
  /// @param host as configured. If it is an IP address, the certificate must contain it as an IP
  ///        address, otherwise as a DNS name.
  /// @returns errc::invalid_option (CA, host name, no TLS on the server, no common version: trying
  ///          again does not help), errc::unreachable (closed, or no answer in time).
  [[nodiscard]] static result<std::unique_ptr<redis_tls>>
  handshake(int socket, const redis_options& options, const std::string& host);

  /// Sends all of `bytes`.
  /// @returns errc::unavailable (connection lost or too slow), errc::invalid_option (the server
  ///          requires client certificates, which it reports only after the handshake).
  [[nodiscard]] result<void> send(std::string_view bytes);

  /// Waits for bytes and stores them in `into`. @returns their number, at least 1; errors as
  /// send().
  [[nodiscard]] result<std::size_t> receive(std::span<char> into);

private:
  struct free_session {
    void operator()(ssl_st* session) const noexcept;
  };
  redis_tls(int socket, ssl_st* session);
  [[nodiscard]] result<void> shake_hands();
  [[nodiscard]] result<void> flush();
  [[nodiscard]] result<void> feed(int flags = 0);
  [[nodiscard]] failure last_words(const failure& lost);
  [[nodiscard]] failure refusal() const;

  int socket_;
  std::unique_ptr<ssl_st, free_session> session_; ///< reads and writes memory BIOs, not the socket
};

} // namespace telemetry::redis
