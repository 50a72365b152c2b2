#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/system_error.hpp>

#include <span>
#include <string>

namespace telemetry::net {

/// A stream in memory that Beast uses as the socket. Beast reads the exposed bytes, and its writes
/// are collected. The owner must not let Beast read more than the exposed bytes, because Beast's
/// stream would fail for good.
class memory_stream {
public:
  using executor_type = boost::asio::any_io_executor;
  using error_code = boost::beast::error_code;

  explicit memory_stream(executor_type executor) : executor_(std::move(executor)) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  /// Exposes `bytes`, after the kept bytes. They must stay valid until keep_rest().
  void expose(std::span<const std::uint8_t> bytes) noexcept { exposed_ = bytes; }

  /// Copies the exposed bytes that were not read.
  void keep_rest() {
    kept_.append(reinterpret_cast<const char*>(exposed_.data()), exposed_.size());
    exposed_ = {};
  }

  [[nodiscard]] bool is_empty() const noexcept { return exposed_.empty() && kept_.empty(); }

  [[nodiscard]] std::string take_written() { return std::exchange(written_, {}); }

  template <class MutableBuffers>
  std::size_t read_some(const MutableBuffers& buffers, error_code& ec) {
    ec = {};
    std::size_t size = 0;
    if (!kept_.empty()) {
      size = boost::asio::buffer_copy(buffers, boost::asio::buffer(kept_));
      kept_.erase(0, size);
    } else {
      size =
          boost::asio::buffer_copy(buffers, boost::asio::buffer(exposed_.data(), exposed_.size()));
      exposed_ = exposed_.subspan(size);
    }
    if (size == 0)
      ec = boost::asio::error::would_block;
    return size;
  }

  template <class ConstBuffers>
  std::size_t write_some(const ConstBuffers& buffers, error_code& ec) {
    ec = {};
    const auto size = boost::asio::buffer_size(buffers);
    const auto old = written_.size();
    written_.resize(old + size);
    boost::asio::buffer_copy(boost::asio::buffer(written_) + old, buffers);
    return size;
  }

  // Beast's concept of a stream requires these two as well.
  template <class MutableBuffers>
  std::size_t read_some(const MutableBuffers& buffers) {
    return or_throw([&](error_code& ec) { return read_some(buffers, ec); });
  }
  template <class ConstBuffers>
  std::size_t write_some(const ConstBuffers& buffers) {
    return or_throw([&](error_code& ec) { return write_some(buffers, ec); });
  }

  /// Beast calls it to close the connection after a close frame. Does nothing, because the session
  /// closes the connection.
  friend void teardown(boost::beast::role_type, memory_stream&, error_code& ec) { ec = {}; }

private:
  template <class Operation>
  static std::size_t or_throw(Operation operation) {
    error_code ec;
    const auto size = operation(ec);
    if (ec)
      throw boost::system::system_error(ec);
    return size;
  }

  executor_type executor_;
  std::span<const std::uint8_t> exposed_;
  std::string kept_; ///< at most the header of an empty frame
  std::string written_;
};

} // namespace telemetry::net
