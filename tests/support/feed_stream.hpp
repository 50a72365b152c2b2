#pragma once

#include "net/websocket_session.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <limits>
#include <string>
#include <string_view>

namespace telemetry::test {

/// The far end of a feed_stream. Gives it bytes and takes its output.
struct feed {
  std::string_view input; ///< bytes that were given and are not read yet
  std::string output;

  bool is_blocked = false; ///< the far end does not read, and its window is full
  /// Reads and writes that succeed. All later ones fail.
  std::size_t operations_left = std::numeric_limits<std::size_t>::max();

  std::size_t write_bytes_left = std::numeric_limits<std::size_t>::max(); ///< until is_blocked

  bool is_open = true;      ///< whether the stream is open
  bool has_its_end = false; ///< whether the stream has ended its side
  bool was_reset = false;   ///< whether the stream was closed with a reset
  bool is_gathered = false; ///< the session let its bytes wait
  net::stream_listener* listener = nullptr;

  /// Replaces the unread input. `bytes` must stay valid until they are read.
  void give(std::string_view bytes) {
    input = bytes;
    has_news_ = true;
  }
  void end() {
    has_ended_ = true;
    has_news_ = true;
  }
  /// Notifies the session once after a give() or end(), as an edge-triggered epoll does.
  /// @returns whether it did.
  bool pump() {
    if (listener == nullptr || !std::exchange(has_news_, false))
      return false;
    is_readable_ = true;
    is_over_ = has_ended_;
    listener->on_ready();
    return true;
  }

private:
  friend class feed_stream;

  bool has_ended_ = false; ///< the stream ends after `input`
  bool has_news_ = false;
  bool is_readable_ = false; // as socket_stream's
  bool is_over_ = false;
  bool resets_at_close_ = false;
};

/// A stream in memory with almost no overhead, for tests, fuzzing and benchmarks.
class feed_stream final : public net::byte_stream {
public:
  feed_stream(boost::asio::io_context& context, feed& peer)
      : executor_(context.get_executor()), peer_(peer) {}
  ~feed_stream() override { feed_stream::close(); }
  feed_stream(const feed_stream&) = delete;
  feed_stream& operator=(const feed_stream&) = delete;

  void watch(net::stream_listener& listener, error_code&) override { peer_.listener = &listener; }
  [[nodiscard]] bool is_readable() const noexcept override { return peer_.is_readable_; }
  std::size_t try_read(std::span<char> space, error_code& ec) override {
    if (has_failed(ec))
      return 0;
    const auto size = peer_.input.copy(space.data(), space.size());
    peer_.input.remove_prefix(size);
    if (size == 0 && peer_.has_ended_)
      ec = boost::asio::error::eof;
    peer_.is_readable_ = size == space.size() || (peer_.is_over_ && size > 0);
    return size;
  }
  [[nodiscard]] bool is_writable() const noexcept override { return !peer_.is_blocked; }
  std::size_t try_write(std::string_view bytes, error_code& ec) override {
    if (has_failed(ec))
      return 0;
    const auto taken = bytes.substr(0, peer_.write_bytes_left);
    peer_.write_bytes_left -= taken.size();
    peer_.is_blocked = taken.size() < bytes.size();
    peer_.output += taken;
    return taken.size();
  }
  void end_writing() noexcept override { peer_.has_its_end = true; }
  void reset_at_close(bool on) noexcept override { peer_.resets_at_close_ = on; }
  void gather_reads(bool on, error_code&) override { peer_.is_gathered = on; }
  void close() noexcept override {
    peer_.was_reset = peer_.was_reset || (peer_.is_open && peer_.resets_at_close_);
    peer_.is_open = false;
    peer_.listener = nullptr;
  }
  [[nodiscard]] boost::asio::any_io_executor get_executor() override { return executor_; }
  void rebind(boost::asio::any_io_executor executor) override {
    peer_.listener = nullptr;
    executor_ = std::move(executor);
  }

private:
  bool has_failed(error_code& ec) {
    if (peer_.operations_left == 0)
      ec = boost::asio::error::connection_reset;
    else
      --peer_.operations_left;
    return bool(ec);
  }

  boost::asio::any_io_executor executor_;
  feed& peer_;
};

} // namespace telemetry::test
