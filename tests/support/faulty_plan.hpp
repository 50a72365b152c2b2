#pragma once

#include "core/result.hpp"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

namespace telemetry::test {

/// The faults of one kind of call of a faulty engine. Without a command a call succeeds.
///
/// Thread-safety: full. A test gives commands, and the engine's owner calls on its own thread.
class faulty_plan {
public:
  /// The next `calls` calls do nothing and report `code`.
  void fail_next(std::size_t calls, errc code) {
    const std::scoped_lock lock(mutex_);
    failing_ = calls;
    code_ = code;
  }

  /// The next `calls` calls do their work and report errc::unavailable, as if the outcome were
  /// unknown (rule 6).
  void lose_next_answers(std::size_t calls) {
    const std::scoped_lock lock(mutex_);
    losing_ = calls;
  }

  /// The next call does its work, then calls `what`, then returns the outcome.
  void after_next(std::function<void()> what) {
    const std::scoped_lock lock(mutex_);
    after_ = std::move(what);
  }

  /// Makes calls wait at their start until release().
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

  /// Number of calls, with any outcome.
  [[nodiscard]] std::size_t calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

  /// For the engine: does `work`, with the faults that the test commanded.
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

  mutable std::mutex mutex_; ///< guards the members below
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
