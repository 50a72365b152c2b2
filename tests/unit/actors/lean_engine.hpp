#pragma once

#include "actors/engine.hpp"
#include "storage/memory/memory_event_store.hpp"
#include "tests/support/manual_world.hpp"
#include "tests/unit/actors/heap_count.hpp"
#include "tests/unit/actors/message_count.hpp"

#include <caf/scheduler/test_coordinator.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace telemetry::test {

/// A journal that keeps nothing, so that it costs nothing; it counts.
class counting_journal final : public journal {
public:
  result<void> append(std::span<const journal_batch>) override {
    ++appends;
    return {};
  }
  result<void> replay(std::uint32_t, std::uint64_t, const visitor&) override { return {}; }
  result<std::uint64_t> last_batch(std::uint32_t) override { return std::uint64_t{0}; }
  result<void> trim(std::uint32_t, std::uint64_t) override { return {}; }

  std::uint64_t appends = 0;
};

/// An event store in memory that counts how often it is read.
class counting_store final : public event_store {
public:
  explicit counting_store(std::uint32_t shards)
      : base_(std::make_shared<memory::memory_tables>(shards)) {}

  result<std::vector<damaged_robot>> commit(const checkpoint& what) override {
    ++commits;
    if (!keeps)
      return std::vector<damaged_robot>();
    return base_.commit(what);
  }
  result<std::vector<shard_marker>> markers() override { return base_.markers(); }
  result<std::vector<robot_outcome>> robots(std::span<const std::string_view> names) override {
    ++row_reads;
    return base_.robots(names);
  }
  result<robot_page> scan_robots(std::string_view after, std::string_view before,
                                 std::size_t limit) override {
    ++scans;
    return base_.scan_robots(after, before, limit);
  }
  result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at) override {
    return base_.floor(robot, at);
  }
  result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at) override {
    return base_.ceil(robot, at);
  }
  result<range_ends> ends(robot_id robot, timestamp_ms from, timestamp_ms to) override {
    ++range_reads;
    return base_.ends(robot, from, to);
  }
  result<std::vector<event_row>> scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                                      std::size_t limit) override {
    return base_.scan(robot, from, to, limit);
  }
  result<std::vector<position_outcome>> exact(std::span<const key> keys) override {
    return base_.exact(keys);
  }
  std::optional<std::optional<robot_row>> cached_robot(std::string_view name) override {
    return is_cached ? base_.cached_robot(name) : std::nullopt;
  }
  std::optional<range_ends> cached_ends(robot_id robot, timestamp_ms from,
                                        timestamp_ms to) override {
    return is_cached ? base_.cached_ends(robot, from, to) : std::nullopt;
  }

  bool keeps = true;     ///< false: forgets what it is given, so that all memory is the engine's
  bool is_cached = true; ///< false: every read takes the disk, as far as the engine can tell
  std::uint64_t commits = 0;
  std::uint64_t row_reads = 0;   ///< calls of robots()
  std::uint64_t range_reads = 0; ///< calls of ends()
  std::uint64_t scans = 0;       ///< of the robot table

private:
  memory::memory_event_store base_;
};

/// A WebSocket session that only counts what it is told.
class counting_peer final : public net::upstream_peer {
public:
  void answer_ok(std::size_t messages) override { oks += messages; }
  void answer(std::string_view) override { ++others; }
  void flush() override { ++flushes; }
  void close(net::close_code, std::string_view) override { ++others; }

  std::uint64_t oks = 0;
  std::uint64_t others = 0;
  std::uint64_t flushes = 0;
};

/// An engine on one thread whose surroundings allocate and count nothing by themselves. What it
/// does is the same in every run.
class lean_engine : public testing::Test {
public:
  static constexpr std::uint32_t shards = 8;

protected:
  static constexpr std::int64_t window_ms = 10;

  /// What one stretch of work took.
  struct cost {
    std::uint64_t allocations = 0;
    std::int64_t live_bytes = 0; ///< on the heap, more than before
    std::uint64_t messages = 0;  ///< into any mailbox
    std::uint64_t jobs = 0;      ///< runs of an actor by the scheduler, of one message each
    std::uint64_t appends = 0;   ///< to the journal

    cost& operator+=(const cost& more) {
      allocations += more.allocations;
      live_bytes += more.live_bytes;
      messages += more.messages;
      jobs += more.jobs;
      appends += more.appends;
      return *this;
    }
  };

  lean_engine() : store_(std::make_unique<counting_store>(shards)), io_(0) {
    options_.detach = false;
    options_.future_limit = std::chrono::milliseconds{0};
    options_.reorder_window = std::chrono::milliseconds{window_ms};
    database_.journal = std::make_unique<counting_journal>();
    journal_ = static_cast<counting_journal*>(database_.journal.get());
    store = store_.get();
    database_.store = std::move(store_);
    database_.shards = shards;
    database_.free_bytes = []() -> result<std::uint64_t> { return UINT64_MAX; };
  }
  ~lean_engine() override {
    io_.stop();
    settle();
    coordinator().inline_all_enqueues(); // exits are taken at once
  }

  void SetUp() override {
    const std::vector<net::io_thread*> threads{&io_};
    auto made = telemetry::engine::make(
        options_, database_, threads,
        [](const failure& why) { throw std::runtime_error(why.text); }, time_);
    ASSERT_TRUE(made) << made.error().text;
    engine_ = std::move(*made);
    bool recovered = false;
    engine_->recover([&](const result<recovery_stats>& stats) { recovered = stats.has_value(); });
    settle();
    ASSERT_TRUE(recovered);
  }

  /// Runs all that can run without time passing.
  void settle() {
    for (bool ran = true; std::exchange(ran, false);) {
      while (coordinator().try_run_once()) {
        ++jobs_;
        ran = true;
      }
      for (; io_.has_task(); ran = true)
        io_.run_once();
    }
  }
  /// Time passes, timers go off, and everything runs.
  void live(std::int64_t ms) {
    time_.steady += ms;
    time_.wall_clock += ms;
    coordinator().advance_time(std::chrono::milliseconds{ms});
    settle();
  }
  void checkpoint() {
    time_.steady += 100; // memory asks no more often
    const auto before = store->commits;
    caf::anon_send(context().checkpointer, checkpoint_atom_v);
    settle();
    ASSERT_EQ(store->commits, before + 1);
  }
  template <class Work>
  [[nodiscard]] cost measure(Work&& work) {
    const auto heap = heap_now();
    const auto messages = messages_now();
    const auto jobs = jobs_;
    const auto appends = journal_->appends;
    work();
    return {heap_now().allocations - heap.allocations, heap_now().live_bytes - heap.live_bytes,
            messages_now() - messages, jobs_ - jobs, journal_->appends - appends};
  }

  [[nodiscard]] std::unique_ptr<net::upstream> connect(counting_peer& peer) {
    return std::move(engine_->upstreams().open(peer, io_, net::anonymous()).value());
  }
  [[nodiscard]] engine_context& context() { return engine_->context(); }
  [[nodiscard]] telemetry::engine& engine() { return *engine_; }
  [[nodiscard]] manual_io& io() { return io_; }

  counting_store* store = nullptr;

private:
  [[nodiscard]] caf::scheduler::test_coordinator& coordinator() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(engine_->system().scheduler());
  }

  engine_options options_;
  manual_time time_;
  std::unique_ptr<counting_store> store_;
  counting_journal* journal_ = nullptr;
  storage database_;
  manual_io io_;
  std::unique_ptr<telemetry::engine> engine_; ///< goes first
  std::uint64_t jobs_ = 0;
};

} // namespace telemetry::test
