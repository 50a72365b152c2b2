#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace telemetry::net {

/// What a WebSocket session does with its stream besides async_read_some and async_write_some.
/// Specialised for every kind of stream: here sockets, in the tests a stream in memory.
template <class Stream>
struct transport;

template <>
struct transport<boost::asio::ip::tcp::socket> {
  using socket = boost::asio::ip::tcp::socket;
  using error_code = boost::system::error_code;

  static void prepare(socket& s) {
    error_code ignored; // a socket that is gone already shows it with the first read
    s.non_blocking(true, ignored);
    s.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  }
  /// Reads what is there, maybe nothing. Never blocks.
  static std::size_t try_read(socket& s, boost::asio::mutable_buffer space, error_code& ec) {
    return unless_blocked(s.read_some(space, ec), ec);
  }
  /// Writes what there is room for, maybe nothing. Never blocks.
  static std::size_t try_write(socket& s, boost::asio::const_buffer bytes, error_code& ec) {
    return unless_blocked(s.write_some(bytes, ec), ec);
  }
  /// Tells the peer that nothing more will come.
  static void end_writing(socket& s) {
    error_code ignored; // the peer may be gone
    s.shutdown(socket::shutdown_send, ignored);
  }
  static void close(socket& s) {
    error_code ignored;
    s.close(ignored);
  }

private:
  static std::size_t unless_blocked(std::size_t size, error_code& ec) {
    if (ec == boost::asio::error::would_block)
      ec = {};
    return size;
  }
};

} // namespace telemetry::net
