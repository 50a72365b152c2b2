#pragma once

#include "core/result.hpp"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

namespace telemetry::test {

/// What is to go wrong with one kind of call of a faulty engine.
///
/// Thread-safety: full; a test commands, the engine's owner calls on its thread. Without a command
/// a call goes through.
class faulty_plan {
public:
  /// The next `calls` calls do nothing and report `code`.
  void fail_next(std::size_t calls, errc code) {
    const std::scoped_lock lock(mutex_);
    failing_ = calls;
    code_ = code;
  }

  /// The next `calls` calls do their work and report errc::unavailable: outcome unknown (rule 6).
  void lose_next_answers(std::size_t calls) {
    const std::scoped_lock lock(mutex_);
    losing_ = calls;
  }

  /// The next call does its work, then `what` happens, then its caller gets the outcome.
  void after_next(std::function<void()> what) {
    const std::scoped_lock lock(mutex_);
    after_ = std::move(what);
  }

  /// Calls wait, before they do anything, until release().
  void block() {
    const std::scoped_lock lock(mutex_);
    blocking_ = true;
  }
  void release() {
    const std::scoped_lock lock(mutex_);
    blocking_ = false;
    changed_.notify_all();
  }
  /// Returns once a call waits in block().
  void wait_until_blocked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }

  /// Calls that came in, whatever became of them.
  [[nodiscard]] std::size_t calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

  /// The engine's side: does `work`, or what the test commanded.
  template <class Work>
  auto run(Work work) -> decltype(work()) {
    const auto [fails, loses, code, after] = next();
    if (fails)
      return failure{code, "commanded by the test"};
    auto done = work();
    if (after)
      after();
    if (loses && done)
      return failure{errc::unavailable, "done, but the answer was lost by the test"};
    return done;
  }

private:
  struct turn {
    bool fails;
    bool loses;
    errc code;
    std::function<void()> after;
  };

  turn next() {
    std::unique_lock lock(mutex_);
    ++calls_;
    ++waiting_;
    if (blocking_)
      changed_.notify_all();
    changed_.wait(lock, [this] { return !blocking_; });
    --waiting_;
    const bool fails = failing_ > 0;
    const bool loses = !fails && losing_ > 0;
    failing_ -= fails ? 1 : 0;
    losing_ -= loses ? 1 : 0;
    return {fails, loses, code_, std::exchange(after_, nullptr)};
  }

  mutable std::mutex mutex_; ///< guards what follows
  std::condition_variable changed_;
  std::function<void()> after_;
  std::size_t failing_ = 0;
  std::size_t losing_ = 0;
  std::size_t calls_ = 0;
  std::size_t waiting_ = 0;
  errc code_ = errc::unavailable;
  bool blocking_ = false;
};

} // namespace telemetry::test
