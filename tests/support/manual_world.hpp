#pragma once

#include "actors/time_source.hpp"
#include "net/io_thread.hpp"
#include "net/upstream.hpp"

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace telemetry::test {

/// Clocks that stand still until a test sets them.
class manual_time final : public time_source {
public:
  [[nodiscard]] std::int64_t steady_ms() const override { return steady; }
  [[nodiscard]] wall_ms wall() const override { return wall_clock; }

  std::int64_t steady = 1'000;
  wall_ms wall_clock = 1'000'000;
};

/// An I/O thread whose tasks a test runs, on its own thread.
class manual_io final : public net::io_thread {
public:
  explicit manual_io(std::size_t index) : index_(index) {}

  void post(std::function<void()> task) override {
    if (running_)
      tasks_.push_back(std::move(task));
  }
  [[nodiscard]] std::size_t index() const noexcept override { return index_; }

  [[nodiscard]] bool has_task() const noexcept { return !tasks_.empty(); }
  /// Runs the oldest task. @pre has_task()
  void run_once() {
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
  }
  /// Destroys waiting and later tasks without running them.
  void stop() {
    running_ = false;
    tasks_.clear();
  }

private:
  std::size_t index_;
  bool running_ = true;
  std::deque<std::function<void()>> tasks_;
};

/// A WebSocket session that records its calls. One entry of `answers` is one message.
class recording_peer final : public net::upstream_peer {
public:
  void answer_ok(std::size_t messages) override {
    ok_runs.push_back(messages);
    for (std::size_t i = 0; i < messages; ++i)
      queue("OK");
  }
  void answer(std::string_view lines) override { queue(std::string{lines}); }
  void flush() override {
    ++flushes;
    flushed = answers.size();
    if (on_flush)
      on_flush();
  }
  void close(net::close_code code, std::string_view reason) override {
    closed.emplace_back(code, std::string{reason});
  }
  [[nodiscard]] net::unsent_answers unsent() const override { return unread; }

  std::vector<std::string> answers;
  net::unsent_answers unread;
  std::size_t flushed = 0; ///< of answers
  std::size_t flushes = 0;
  std::vector<std::size_t> ok_runs; ///< arguments of answer_ok()
  std::vector<std::pair<net::close_code, std::string>> closed;
  std::function<void(const std::string&)> on_answer;
  std::function<void()> on_flush;

private:
  void queue(std::string text) {
    answers.push_back(std::move(text));
    if (on_answer)
      on_answer(answers.back());
  }
};

} // namespace telemetry::test
