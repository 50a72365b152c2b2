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

/// The client's side of TLS on a connected TCP socket; hiredis 0.14 has none.
///
/// The server must show a certificate that a trusted authority has signed and that names the host
/// which was asked for; nothing is sent before that is checked, and there is no way back to plain
/// text.
///
/// Thread-safety: none. Blocking: handshake(), send() and receive(), each wait at most as long as
/// the timeouts of the socket allow. Owner of the socket: the caller, who closes it after this is
/// gone.
class redis_tls {
public:
  /// TLS 1.2 or newer, with the authorities of `options.tls_ca`, or the system's if that is empty.
  /// @param host as configured: an IP address must be in the certificate as one, a name as a name.
  /// @returns errc::invalid_option (authority, host, no TLS there, no common version: trying again
  ///          does not help), errc::unreachable (closed, or silent for too long).
  [[nodiscard]] static result<std::unique_ptr<redis_tls>>
  handshake(int socket, const redis_options& options, const std::string& host);

  /// Sends all of `bytes`.
  /// @returns errc::unavailable (lost, too slow), errc::invalid_option (the server wants a
  ///          certificate of its clients, which it says only after the handshake).
  [[nodiscard]] result<void> send(std::string_view bytes);

  /// Waits for some bytes. @returns how many, at least one; errors as send().
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
  std::unique_ptr<ssl_st, free_session> session_; ///< reads and writes memory, not the socket
};

} // namespace telemetry::redis
