#pragma once

#include "core/descriptor.hpp"
#include "net/byte_stream.hpp"
#include "net/epoll_set.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace telemetry::net {

/// Limits of the bytes that the kernel holds of a connection in each direction (SO_SNDBUF and
/// SO_RCVBUF). The kernel doubles both for its own overhead. Without a limit it holds 4 MiB of
/// answers for a peer that does not read them, and more of a fast peer's input.
inline constexpr int kernel_send_bytes = 64 << 10;
inline constexpr int kernel_receive_bytes = 128 << 10;

/// A TCP or Unix domain socket that is watched by socket_watch or paced_watch instead of Asio
/// (ADR 0052). Sessions know only byte_stream.
///
/// A read that does not fill its space has emptied the socket, and the next read comes after the
/// next event of socket_watch. A write is sent at once (TCP_NODELAY), because an answer must not
/// wait for the acknowledgement of the answer before.
class socket_stream final : public byte_stream, private epoll_set::member {
public:
  /// @param socket a connected socket of `executor`, which is that of an io_context
  socket_stream(boost::asio::any_io_executor executor, descriptor socket);
  ~socket_stream() override { socket_stream::close(); }
  socket_stream(const socket_stream&) = delete;
  socket_stream& operator=(const socket_stream&) = delete;

  void watch(stream_listener& listener, error_code& ec) override;
  [[nodiscard]] bool is_readable() const noexcept override { return is_readable_; }
  std::size_t try_read(std::span<char> space, error_code& ec) override;
  [[nodiscard]] bool is_writable() const noexcept override { return is_writable_; }
  std::size_t try_write(std::string_view bytes, error_code& ec) override;
  void end_writing() noexcept override;
  void reset_at_close(bool on) noexcept override;
  void gather_reads(bool on, error_code& ec) override;
  void close() noexcept override;
  [[nodiscard]] std::optional<local_user> peer_user() const override;
  [[nodiscard]] boost::asio::any_io_executor get_executor() override { return executor_; }
  [[nodiscard]] std::string peer_address() const override;
  void rebind(boost::asio::any_io_executor executor) override;

private:
  void on_events(std::uint32_t events) override;
  void set_option(int level, int name, int value) noexcept;

  boost::asio::any_io_executor executor_;
  stream_listener* listener_ = nullptr;
  descriptor socket_;
  bool is_watched_ = false;
  bool resets_at_close_ = false;
  bool gathers_reads_ = false; ///< the paced_watch has the descriptor
  bool is_readable_ = false;
  bool is_writable_ = true;
  bool is_over_ = false; ///< the peer ended its side, or the connection failed; a read tells which
};

/// The peer of a TCP socket; port 0 if it has none, or `socket` is of another kind.
[[nodiscard]] boost::asio::ip::tcp::endpoint peer_of(const descriptor& socket) noexcept;

} // namespace telemetry::net
