#pragma once

#include "net/websocket_session.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <limits>
#include <string>
#include <string_view>

namespace telemetry::test {

/// The far end of a feed_stream: gives it bytes, takes what it writes.
struct feed {
  std::string_view input; ///< must stay until it is read
  bool has_ended = false; ///< behind `input` comes the end of the stream
  std::string output;

  bool is_blocked = false; ///< it reads nothing, and its window is full
  /// Reads and writes that succeed; the one after them fails, and all others.
  std::size_t operations_left = std::numeric_limits<std::size_t>::max();

  bool is_open = true;      ///< the stream, for reading
  bool has_its_end = false; ///< the stream has ended its side
  net::stream_listener* listener = nullptr;

  /// Tells the session once that its stream is ready, if it is.
  /// @returns whether it was, and the session read or ended.
  bool pump() {
    if (listener == nullptr || !is_open || (input.empty() && !has_ended))
      return false;
    const auto before = input.size();
    listener->on_ready();
    return input.size() < before || !is_open;
  }
};

/// A stream in memory without any cost of its own: for tests, fuzzing and benchmarks.
class feed_stream final : public net::byte_stream {
public:
  feed_stream(boost::asio::io_context& context, feed& peer) : context_(context), peer_(peer) {}
  ~feed_stream() override { feed_stream::close(); }
  feed_stream(const feed_stream&) = delete;
  feed_stream& operator=(const feed_stream&) = delete;

  void watch(net::stream_listener& listener, error_code&) override { peer_.listener = &listener; }
  [[nodiscard]] bool is_readable() const noexcept override {
    return !peer_.input.empty() || peer_.has_ended;
  }
  std::size_t try_read(std::span<char> space, error_code& ec) override {
    if (has_failed(ec))
      return 0;
    const auto size = peer_.input.copy(space.data(), space.size());
    peer_.input.remove_prefix(size);
    if (size == 0 && peer_.has_ended)
      ec = boost::asio::error::eof;
    return size;
  }
  [[nodiscard]] bool is_writable() const noexcept override { return !peer_.is_blocked; }
  std::size_t try_write(std::string_view bytes, error_code& ec) override {
    if (has_failed(ec))
      return 0;
    peer_.output += bytes;
    return bytes.size();
  }
  void end_writing() noexcept override { peer_.has_its_end = true; }
  void close() noexcept override {
    peer_.is_open = false;
    peer_.listener = nullptr;
  }
  [[nodiscard]] boost::asio::any_io_executor get_executor() override {
    return context_.get_executor();
  }

private:
  bool has_failed(error_code& ec) {
    if (peer_.operations_left == 0)
      ec = boost::asio::error::connection_reset;
    else
      --peer_.operations_left;
    return bool(ec);
  }

  boost::asio::io_context& context_;
  feed& peer_;
};

} // namespace telemetry::test
