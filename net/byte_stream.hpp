#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/any_io_executor.hpp>
#include <boost/system/error_code.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::net {

/// The certificate that the peer of a connection has shown, after it was verified.
struct peer_certificate {
  /// Each name in the forms that a key lists: `san:dns:NAME`, `san:uri:URI`, `subject:` with the
  /// RFC 2253 text, and `spki:sha256:HEX`.
  std::vector<std::string> identities;
  std::chrono::system_clock::time_point ends_at; ///< the certificate is not valid after it
};

/// Bytes of the process's memory that a stream holds beyond its socket.
struct stream_holdings {
  std::size_t base = 0;   ///< as long as the connection is open
  std::size_t unread = 0; ///< received, and not yet handed out because a part is missing
  std::size_t unsent = 0; ///< accepted by try_write(), and not yet taken by the kernel

  [[nodiscard]] std::size_t total() const noexcept { return base + unread + unsent; }
};

/// Receives the readiness of a stream: bytes to read, or room to write again.
class stream_listener {
public:
  /// The stream may be readable or writable. Never called from within a call to the stream. Calls
  /// may be spurious.
  virtual void on_ready() = 0;

protected:
  ~stream_listener() = default;
};

/// A process of this machine, as the kernel knew it when it connected (SO_PEERCRED).
struct local_user {
  uid_t uid;
  pid_t pid; ///< it may have ended meanwhile; 0 if it is in another namespace of processes
};

/// A connection that reports its readiness, and is read and written without waiting.
///
/// The implementations are socket_stream and, over it, tls_stream. No session knows which one it
/// has (ADR 0052).
///
/// Thread: that of its executor. Blocking: never. The destructor closes it.
class byte_stream {
public:
  using error_code = boost::system::error_code;

  virtual ~byte_stream() = default;

  /// Reports readiness to `listener` from now on, and to no other, so the stream may get a new
  /// owner. `listener` must live until close() or the end of the stream.
  virtual void watch(stream_listener& listener, error_code& ec) = 0;

  /// Whether there may be bytes to read, or the end of the stream. After false, the listener is
  /// told when that changes. Bytes that the stream itself holds, such as bytes that TLS has
  /// decrypted and no caller has read, keep it true, because the kernel reports no readiness for
  /// them.
  [[nodiscard]] virtual bool is_readable() const noexcept = 0;
  /// Reads the bytes that have arrived, up to the size of `space`. @returns their number, maybe 0.
  /// @param ec is set at the end of the stream too.
  virtual std::size_t try_read(std::span<char> space, error_code& ec) = 0;

  /// Whether there may be room to write. After false, the listener is told when that changes.
  [[nodiscard]] virtual bool is_writable() const noexcept = 0;
  /// Writes as many of `bytes` as there is room for. @returns their number, maybe 0.
  virtual std::size_t try_write(std::string_view bytes, error_code& ec) = 0;

  /// Ends the sending direction, so that the peer reads the end of the stream.
  virtual void end_writing() noexcept = 0;
  /// Sets whether close() resets the connection, so that the peer cannot take the end for a regular
  /// one. The kernel does it, so it also happens when the process is killed. It has no effect on a
  /// Unix domain socket, which cannot be reset.
  virtual void reset_at_close(bool on) noexcept = 0;
  /// Sets whether readiness may be reported a little later, together with that of other streams
  /// (net.read_delay). To be called after watch().
  virtual void gather_reads(bool on, error_code& ec) = 0;
  /// Closes the connection. Idempotent.
  virtual void close() noexcept = 0;

  /// The peer of a Unix domain socket; nullopt for a connection from anywhere else. Never changes.
  [[nodiscard]] virtual std::optional<local_user> peer_user() const { return std::nullopt; }

  [[nodiscard]] virtual boost::asio::any_io_executor get_executor() = 0;

  /// Address and port of the peer, for logs, e.g. "[::1]:40312"; "" if it has none.
  [[nodiscard]] virtual std::string peer_address() const { return {}; }

  /// Moves the stream to the thread of `executor`: reports no readiness any more, until watch() is
  /// called there. To be called on the stream's thread, and not from within on_ready().
  virtual void rebind(boost::asio::any_io_executor executor) = 0;

  /// The peer's certificate; nullopt if it has shown none.
  [[nodiscard]] virtual std::optional<peer_certificate> certificate() const { return std::nullopt; }

  /// The memory that the stream holds now. A session charges it to its budget (memory_charge).
  [[nodiscard]] const stream_holdings& holdings() const noexcept { return holdings_; }

protected:
  stream_holdings holdings_;
};

} // namespace telemetry::net
