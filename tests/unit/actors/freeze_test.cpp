// A process that stands still for a minute (SIGSTOP, a paused machine) goes on where it was:
// between local actors there are no deadlines.

#include "storage/state_cache.hpp"
#include "tests/support/producer.hpp"

#include <gmock/gmock.h>

#include <utility>

namespace telemetry::test {
namespace {

using testing::HasSubstr;

class freeze_test : public engine_test {
protected:
  /// Each actor that has messages by now takes one; what those send stays in mailboxes.
  void run_each_once() {
    for (auto left = coordinator().jobs.size(); left > 0; --left)
      run_actor();
  }
  /// Time passes for everybody at once, and every timer goes off before an actor runs.
  void freeze() { pass(61'000); }
  /// The checkpointer has asked the shards, and none has run.
  void ask_shards() {
    ask_checkpoint();
    ASSERT_TRUE(run(context().checkpointer));
  }
};
using FreezeTest = freeze_test;

TEST_F(FreezeTest, ACheckpointGoesOn) {
  start();
  producer client{*this};
  client.send("1,2,3,a");
  live(5 * window_ms);
  const auto commits = database.store_faults->commit.calls();
  ask_shards();
  freeze();
  settle();
  EXPECT_GT(database.store_faults->commit.calls(), commits);
  EXPECT_EQ(database.tables->robots.count("a"), 1U);
  EXPECT_FALSE(fatal);
}

TEST_F(FreezeTest, AStopGoesOnAndStoresEverything) {
  start();
  producer client{*this};
  client.send("1,2,3,a");
  live(5 * window_ms);
  std::optional<bool> stored;
  engine().finish([&](bool what) { stored = what; });
  run_each_once(); // the writer has been asked
  freeze();
  settle();
  EXPECT_EQ(stored, true);
  EXPECT_EQ(database.tables->robots.count("a"), 1U);
}

TEST_F(FreezeTest, AShardThatDoesNotAnswerIsSaidInReadyz) {
  start();
  ask_shards();
  pass(9'999);
  EXPECT_EQ(engine().not_ready(), std::nullopt);
  pass(1'001);
  EXPECT_EQ(engine().not_ready(), "a shard has not answered for 11 s");
  settle();
  EXPECT_EQ(engine().not_ready(), std::nullopt);
}

TEST_F(FreezeTest, AShardThatDoesNotAnswerIsSaidInTheLogOnce) {
  options.checkpoint_interval = std::chrono::hours{1}; // one that is done would end the silence
  start();
  context().health.shards_busy(time.steady);
  const auto log_of = [this](std::int64_t ms) {
    testing::internal::CaptureStderr();
    live(ms, 100);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(log_of(9'900), "");
  const auto begin = log_of(4'000);
  EXPECT_THAT(begin, HasSubstr("level=warn msg=\"a shard does not answer: nothing leaves memory "
                               "until it does\" reason=\"a shard has not answered for"));
  EXPECT_EQ(begin.find("level="), begin.rfind("level=")) << begin;
  context().health.shards_busy(std::nullopt);
  EXPECT_THAT(log_of(1'000), HasSubstr("level=info msg=\"shards answer again\""));
}

class counting_cache final : public state_cache {
public:
  explicit counting_cache(std::size_t& events) : events_(events) {}
  result<void> put(std::span<const named_state> states) override {
    for (const auto& one : states)
      events_ = one.state.events;
    return {};
  }
  [[nodiscard]] bool needs_rebuild() const noexcept override {
    return std::exchange(was_flushed_, false);
  }
  result<void> begin_rebuild() override { return {}; }
  result<void> end_rebuild() override { return {}; }

private:
  std::size_t& events_;
  mutable bool was_flushed_ = true;
};

TEST_F(FreezeTest, TheCacheGoesOn) {
  std::size_t cached = 0;
  options.cache_interval = std::chrono::milliseconds{50};
  make_cache = [&cached] { return std::make_unique<counting_cache>(cached); };
  start();
  producer client{*this};
  client.send("1,2,3,a");
  live(100);
  EXPECT_EQ(cached, 1U);
  client.send("1,2,4,a");
  settle();
  pass(50);
  run_each_once(); // the cache writer has asked the shards
  freeze();
  settle();
  live(200);
  EXPECT_EQ(cached, 2U);
}

} // namespace
} // namespace telemetry::test
