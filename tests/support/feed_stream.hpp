#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "net/websocket_basic_session.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace telemetry::test {

/// The far end of a feed_stream: gives it bytes, takes what it writes.
struct feed {
  std::string_view input; ///< must stay until it is read
  bool has_ended = false; ///< behind `input` comes the end of the stream
  std::string output;
  bool is_closed = false;

  using handler = std::function<void(boost::system::error_code, std::size_t)>;
  boost::asio::mutable_buffer space;
  handler pending; ///< of a read

  std::size_t copy_to(boost::asio::mutable_buffer to) {
    const auto size = boost::asio::buffer_copy(to, boost::asio::buffer(input));
    input.remove_prefix(size);
    return size;
  }
  /// Completes the pending read with what there is. @returns false if there was nothing to do.
  bool pump() {
    if (!pending || (input.empty() && !has_ended && !is_closed))
      return false;
    const auto size = copy_to(space);
    boost::system::error_code ec;
    if (is_closed)
      ec = boost::asio::error::operation_aborted;
    else if (size == 0)
      ec = boost::asio::error::eof;
    std::exchange(pending, nullptr)(ec, size);
    return true;
  }
};

/// A stream in memory without any cost of its own: for fuzzing and benchmarks.
class feed_stream {
public:
  using executor_type = boost::asio::io_context::executor_type;

  feed_stream(boost::asio::io_context& context, feed& peer) : context_(&context), peer_(&peer) {}

  executor_type get_executor() noexcept { return context_->get_executor(); }
  template <class Handler>
  void async_read_some(boost::asio::mutable_buffer space, Handler handler) {
    peer_->space = space;
    peer_->pending = std::move(handler);
  }
  template <class Handler>
  void async_write_some(boost::asio::const_buffer, Handler) {
    std::abort(); // every direct write takes all of it
  }
  feed& peer() noexcept { return *peer_; }

private:
  boost::asio::io_context* context_;
  feed* peer_;
};

} // namespace telemetry::test

template <>
struct telemetry::net::transport<telemetry::test::feed_stream> {
  using stream = telemetry::test::feed_stream;
  using error_code = boost::system::error_code;

  static void prepare(stream&) {}
  static std::size_t try_read(stream& s, boost::asio::mutable_buffer space, error_code&) {
    return s.peer().copy_to(space);
  }
  static std::size_t try_write(stream& s, boost::asio::const_buffer bytes, error_code&) {
    s.peer().output.append(static_cast<const char*>(bytes.data()), bytes.size());
    return bytes.size();
  }
  static void end_writing(stream&) {}
  static void close(stream& s) { s.peer().is_closed = true; }
};
