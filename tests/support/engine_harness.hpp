#pragma once

#include "actors/engine.hpp"
#include "tests/support/manual_world.hpp"
#include "tests/support/memory_database.hpp"
#include "tests/support/permitted.hpp"

#include <caf/scheduler/test_coordinator.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace telemetry::test {

/// An engine on one thread, over a database that outlives it. The test decides which actor runs
/// next, when I/O tasks run, and when time passes.
class engine_harness {
public:
  explicit engine_harness(std::uint32_t shards = 2, std::size_t io_threads = 1)
      : database(shards), io_count_(io_threads) {
    options.detach = false;
    options.future_limit = std::chrono::milliseconds{0};
  }
  ~engine_harness() { crash(); }

  /// Starts a new process. Its actors exist, but none has run.
  void boot() {
    database.log.process_starts(options.reorder_window.count());
    storage_ = database.open();
    if (make_cache)
      storage_.cache = make_cache();
    for (std::size_t i = 0; i < io_count_; ++i)
      io_.push_back(std::make_unique<manual_io>(i));
    std::vector<net::io_thread*> threads;
    for (const auto& one : io_)
      threads.push_back(one.get());
    auto made = telemetry::engine::make(
        options, storage_, threads,
        [this](const failure& why) {
          if (!fatal)
            fatal = why;
          if (fatal_returns)
            return;
          throw std::runtime_error(why.text);
        },
        time);
    ASSERT_TRUE(made) << made.error().text;
    engine_ = std::move(*made);
  }
  /// Asks for the replay, but does not run it.
  void recover() {
    recovered.reset();
    engine_->recover([this](const result<recovery_stats>& stats) { recovered = stats; });
  }
  /// Starts a process and runs it until it serves.
  void start() {
    boot();
    recover();
    settle();
    ASSERT_TRUE(recovered && *recovered);
  }
  /// Ends the process as kill -9 does: no write becomes durable any more. @pre no upstream is left.
  void crash() {
    if (!engine_)
      return;
    database.powered = false;
    for (const auto& one : io_)
      one->stop();
    while (run_actor()) { // the remaining messages have no effect
    }
    coordinator().inline_all_enqueues(); // runs exit messages at once
    engine_.reset();
    io_.clear();
    storage_ = {};
  }
  void restart() {
    crash();
    start();
  }

  [[nodiscard]] telemetry::engine& engine() { return *engine_; }
  [[nodiscard]] engine_context& context() { return engine_->context(); }
  [[nodiscard]] bool is_up() const { return engine_ != nullptr; }
  [[nodiscard]] manual_io& io(std::size_t index = 0) { return *io_[index]; }
  [[nodiscard]] std::size_t io_count() const { return io_.size(); }
  [[nodiscard]] caf::scheduler::test_coordinator& coordinator() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(engine_->system().scheduler());
  }

  /// Runs one message of the `pick`-th actor that has one. @returns false if there is none.
  bool run_actor(std::size_t pick = 0) {
    auto& jobs = coordinator().jobs;
    if (jobs.empty())
      return false;
    std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(pick % jobs.size()),
                jobs.end());
    coordinator().run_once();
    return true;
  }
  /// Runs one message of `actor`. @returns false if it has none.
  template <class Actor>
  bool run(const Actor& actor) {
    if (!coordinator().prioritize(actor))
      return false;
    coordinator().run_once();
    return true;
  }
  /// Runs the oldest task of an I/O thread. @returns false if there is none.
  bool run_io(std::size_t index = 0) {
    if (!io_[index]->has_task())
      return false;
    io_[index]->run_once();
    return true;
  }
  /// Runs all messages and tasks until none is left. Time does not pass.
  void settle() {
    for (bool ran = true; ran;) {
      ran = run_actor();
      for (std::size_t i = 0; i < io_.size(); ++i)
        ran |= run_io(i);
    }
  }
  /// Lets time pass and sends the messages of timers, but does not run them.
  void pass(std::int64_t ms) {
    time.steady += ms;
    time.wall_clock += ms;
    coordinator().advance_time(std::chrono::milliseconds{ms});
  }
  /// Lets time pass in steps and settles after each step.
  void live(std::int64_t ms, std::int64_t step_ms = 5) {
    for (std::int64_t passed = 0; passed < ms; passed += step_ms) {
      pass(std::min(step_ms, ms - passed));
      settle();
    }
  }
  /// Asks for a checkpoint. Run it with settle().
  void ask_checkpoint() {
    time.steady += 100; // shortest time between two such checkpoints
    caf::anon_send(context().checkpointer, checkpoint_atom_v);
  }
  void checkpoint() {
    ask_checkpoint();
    settle();
  }

  [[nodiscard]] std::unique_ptr<net::upstream> connect(recording_peer& peer,
                                                       std::size_t thread = 0) {
    auto opened = engine_->upstreams().open(peer, *io_[thread], net::anonymous());
    return opened ? std::move(*opened) : nullptr;
  }

  // Questions. Each settles the engine and returns the answer.
  [[nodiscard]] result<std::vector<event_row>> events(const std::string& robot,
                                                      timestamp_ms from = 0,
                                                      timestamp_ms to = timestamp_max,
                                                      std::size_t limit = SIZE_MAX) {
    const auto stream = engine_->events(io(), test::permitted(robot), from, to, limit);
    return pull_all(*stream);
  }
  [[nodiscard]] result<std::vector<net::named_robot>>
  robots(const std::string& after = {}, std::size_t limit = SIZE_MAX,
         const net::caller& who = *net::anonymous()) {
    const auto stream = engine_->robots(io(), who, after, limit);
    return pull_all(*stream);
  }
  [[nodiscard]] result<std::optional<robot_state>> robot(const std::string& name) {
    std::optional<result<std::optional<robot_state>>> got;
    engine_->robot(io(), test::permitted(name),
                   [&](result<std::optional<robot_state>> what) { got = what; });
    return wait_for(got);
  }
  [[nodiscard]] result<double> odometer(const std::string& robot, timestamp_ms from,
                                        timestamp_ms to) {
    std::optional<result<double>> got;
    engine_->odometer(io(), test::permitted(robot), from, to,
                      [&](result<double> what) { got = what; });
    return wait_for(got);
  }

  engine_options options;
  manual_time time;
  memory_database database;
  std::function<std::unique_ptr<state_cache>()> make_cache; ///< for each process; may be empty
  std::optional<result<recovery_stats>> recovered;
  bool fatal_returns = false;   ///< for a test that expects `fatal`
  std::optional<failure> fatal; ///< the engine asked for the end of the process

private:
  template <class T>
  result<T> wait_for(std::optional<result<T>>& got) {
    settle();
    if (!got)
      return failure{errc::timeout, "no answer, and nothing left to run"};
    return *got;
  }
  template <class T>
  result<std::vector<T>> pull_all(net::pull_stream<T>& stream) {
    std::vector<T> all;
    for (;;) {
      std::optional<result<std::vector<T>>> got;
      stream.next([&](result<std::vector<T>> what) { got = std::move(what); });
      const auto piece = wait_for(got);
      if (!piece)
        return piece.error();
      if (piece->empty())
        return all;
      all.insert(all.end(), piece->begin(), piece->end());
    }
  }

  std::size_t io_count_;
  storage storage_;
  std::vector<std::unique_ptr<manual_io>> io_;
  std::unique_ptr<telemetry::engine> engine_;
};

/// The line in which a producer sends `event`.
inline std::string line_of(const sent_event& event) {
  const auto& [robot, timestamp, x, y] = event;
  std::string out;
  append_double(out, x);
  append_double(out += ',', y);
  append_integer(out += ',', timestamp);
  return out + ',' + robot;
}

} // namespace telemetry::test
