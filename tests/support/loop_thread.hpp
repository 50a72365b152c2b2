#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "net/io_thread.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace telemetry::test {

/// The thread that runs `loop`, as an I/O thread.
struct loop_thread final : net::io_thread {
  explicit loop_thread(boost::asio::io_context& run_by) : loop(run_by) {}
  void post(std::function<void()> task) override { boost::asio::post(loop, std::move(task)); }
  [[nodiscard]] std::size_t index() const noexcept override { return 0; }
  boost::asio::io_context& loop;
};

} // namespace telemetry::test
