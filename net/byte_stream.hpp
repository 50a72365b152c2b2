#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/any_io_executor.hpp>
#include <boost/system/error_code.hpp>

#include <span>
#include <string_view>

namespace telemetry::net {

/// Who is told that its stream got ready: there is something to read, or room to write again.
class stream_listener {
public:
  /// Never called from within a call to the stream. Maybe for nothing.
  virtual void on_ready() = 0;

protected:
  ~stream_listener() = default;
};

/// A connection that tells when it is ready, and is read and written without waiting.
///
/// Thread: that of its executor. Destroying it closes it.
class byte_stream {
public:
  using error_code = boost::system::error_code;

  virtual ~byte_stream() = default;

  /// From now on `listener` is told, and no other: the stream may get a new owner. It must outlive
  /// the stream, or its close().
  virtual void watch(stream_listener& listener, error_code& ec) = 0;

  /// There may be something to read, if only the end. If not, the listener is told when there is.
  [[nodiscard]] virtual bool is_readable() const noexcept = 0;
  /// Reads what is there, maybe nothing. @param ec the end of the stream is an error.
  virtual std::size_t try_read(std::span<char> space, error_code& ec) = 0;

  /// There may be room. If not, the listener is told when there is.
  [[nodiscard]] virtual bool is_writable() const noexcept = 0;
  /// Writes what there is room for, maybe nothing.
  virtual std::size_t try_write(std::string_view bytes, error_code& ec) = 0;

  /// Tells the peer that nothing more will come.
  virtual void end_writing() noexcept = 0;
  /// Whether closing resets the connection, so that the peer cannot take the end for one in order.
  /// The kernel does it, so it also happens when the process is killed.
  virtual void reset_at_close(bool on) noexcept = 0;
  /// Idempotent.
  virtual void close() noexcept = 0;

  [[nodiscard]] virtual boost::asio::any_io_executor get_executor() = 0;
};

} // namespace telemetry::net
