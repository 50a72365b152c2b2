#pragma once

#include "core/fifo.hpp"

#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>

namespace telemetry::net {

/// After a turn of more lines, or frames, a session takes its next turn in the turn_queue, because
/// a few sessions with such turns would delay all others.
inline constexpr std::size_t light_turn_lines = 512;

/// After a pass with more lines the turn_queue rests. They take about 0.3 ms.
inline constexpr std::size_t light_pass_lines = 1024;

/// A session that has more to read than its turn allowed.
class turn_taker {
public:
  virtual ~turn_taker() = default;
  /// @returns how many lines, or frames, the turn took.
  virtual std::size_t on_turn() = 0;
};

/// Queue of the sessions of an I/O thread that have much to read (ADR 0053).
///
/// Sessions have their turns in a pass of the event loop until they have taken light_turn_lines
/// together. If they took more than light_pass_lines, the queue rests for some passes. In each pass
/// the loop serves all its sockets, timers and tasks. Therefore a connection with little to read
/// waits for one turn at most, even if many others have much to read.
///
/// Thread: the thread that runs the io_context.
class turn_queue {
public:
  /// Passes without a turn after a heavy pass. An event passes through two handlers on its way to
  /// the journal, each of which posts the next, and its answer through two on the way back. Without
  /// a rest each of the four would wait for another heavy turn.
  static constexpr int rest_passes = 2;
  /// Turns in a pass. A turn without a line may still read 64 KiB of a begun message, and the
  /// sessions that hold too much memory are cut between two passes (ADR 0058).
  static constexpr std::size_t turns_max = 64;

  explicit turn_queue(boost::asio::io_context::executor_type executor)
      : executor_(std::move(executor)) {}

  /// Appends `one` to the sessions that wait for a turn.
  void push(std::shared_ptr<turn_taker> one) {
    waiting_.push(std::move(one));
    if (waiting_.size() == 1 && !is_within_pass_)
      post_next();
  }
  void clear() { waiting_.clear(); }

private:
  void post_next() {
    boost::asio::post(executor_, [this] { pass(); });
  }

  void pass() {
    if (waiting_.empty()) // clear() was called in between
      return;
    if (passes_to_rest_ > 0) {
      --passes_to_rest_;
      return post_next();
    }
    is_within_pass_ = true;
    std::size_t lines = 0;
    // A session that waits for another turn has it in a later pass.
    auto turns = std::min(waiting_.size(), turns_max);
    for (; turns > 0 && lines <= light_turn_lines; --turns) {
      const auto one = std::move(waiting_.front());
      waiting_.pop();
      lines += one->on_turn();
    }
    is_within_pass_ = false;
    if (lines > light_pass_lines)
      passes_to_rest_ = rest_passes;
    if (!waiting_.empty())
      post_next();
  }

  boost::asio::io_context::executor_type executor_;
  fifo<std::shared_ptr<turn_taker>> waiting_;
  bool is_within_pass_ = false;
  int passes_to_rest_ = 0;
};

} // namespace telemetry::net
