#pragma once

#include "core/fifo.hpp"

#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <memory>

namespace telemetry::net {

/// A session that has more to read than its turn allowed.
class turn_taker {
public:
  virtual ~turn_taker() = default;
  virtual void on_turn() = 0;
};

/// Where the sessions of an I/O thread wait that have much to read (ADR 0053).
///
/// Only one of them has its turn in a pass of the event loop. Between two turns the loop looks at
/// all its sockets and timers, so a connection with little to read waits for one turn at most,
/// however many others have much to read.
///
/// Thread: the one that runs the io_context.
class turn_queue {
public:
  explicit turn_queue(boost::asio::io_context::executor_type executor) : executor_(executor) {}

  /// `one` has a turn after those that wait already.
  void push(std::shared_ptr<turn_taker> one) {
    waiting_.push(std::move(one));
    if (waiting_.size() == 1)
      post_next();
  }
  void clear() { waiting_.clear(); }

private:
  void post_next() {
    boost::asio::post(executor_, [this] {
      if (waiting_.empty()) // clear() came in between
        return;
      const auto one = std::move(waiting_.front());
      waiting_.pop();
      if (!waiting_.empty())
        post_next();
      one->on_turn();
    });
  }

  boost::asio::io_context::executor_type executor_;
  fifo<std::shared_ptr<turn_taker>> waiting_;
};

} // namespace telemetry::net
