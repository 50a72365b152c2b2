// What those cost who do nothing, counted: heap and timers.

#include "tests/support/permitted.hpp"
#include "tests/unit/actors/lean_engine.hpp"

#include <array>

namespace telemetry::test {
namespace {

class idle_cost_test : public lean_engine {
protected:
  static constexpr std::int64_t many = 1'000;

  void SetUp() override {
    lean_engine::SetUp();
    store->keeps = false;
    upstreams_.reserve(peers_.size());
  }
  void TearDown() override { upstreams_.clear(); }

  void open_connections() {
    while (upstreams_.size() < peers_.size())
      upstreams_.push_back(connect(peers_[upstreams_.size()]));
  }
  /// `messages` at once on a connection, all the same event.
  void send(std::size_t connection, const std::string& event, std::size_t messages) {
    const std::vector<std::string_view> read(messages, event);
    upstreams_[connection]->on_messages(read);
    settle();
  }
  /// `many` robots that have one event each, in the store by now.
  void make_robots() {
    open_connections();
    for (std::int64_t n = 0; n < many; ++n)
      send(0, "1,2,1,robot-" + std::to_string(n), 1);
    live(2 * window_ms);
    live(2 * window_ms);
    checkpoint();
  }
  /// Until the robots have been idle for long enough, and shards have looked.
  void wait_for_passivation() {
    for (int n = 0; n < 4; ++n)
      live(20'000);
  }
  [[nodiscard]] cost idle_seconds(std::int64_t seconds) {
    return measure([&] {
      for (std::int64_t n = 0; n < seconds; ++n)
        live(1'000);
    });
  }

  std::vector<counting_peer> peers_ = std::vector<counting_peer>(many);
  std::vector<std::unique_ptr<net::upstream>> upstreams_;
};
using IdleCostTest = idle_cost_test;

TEST_F(IdleCostTest, AnIdleConnectionOwnsLittleHeapWhateverItHasSent) {
  const auto opened = measure([&] { open_connections(); });
  EXPECT_LE(opened.live_bytes, 1'770 * many) << "measured: 1,417 each";
  send(0, "1,2,3,robot", 64); // the lane, the shard and the robot have what they keep
  const auto used = measure([&] {
    for (std::size_t n = 0; n < upstreams_.size(); ++n)
      send(n, "1,2,3,robot", 64);
  });
  EXPECT_EQ(peers_.back().oks, 64U);
  EXPECT_LE(used.live_bytes, 64 * many)
      << "measured: 27; a queue that is empty owns nothing, or a small room for the next";
}

TEST_F(IdleCostTest, ALiveRobotOwnsLittleHeapAndAPassivatedOneAlmostNone) {
  open_connections();
  send(0, "1,2,3,first", 1);
  wait_for_passivation();
  const auto before = heap_now().live_bytes;
  const auto each = [&] { return (heap_now().live_bytes - before) / many; };
  make_robots();
  EXPECT_LE(each(), 1'990) << "measured: 1,589";
  wait_for_passivation();
  EXPECT_LE(each(), 60) << "measured: 45, of tables that have been larger";
}

TEST_F(IdleCostTest, AnIdleQueryActorKeepsNothingOfItsLastQuestion) {
  open_connections();
  for (std::int64_t n = 0; n < many; ++n)
    send(0, "1,2,1,robot-" + std::to_string(n), 1);
  const auto stream = engine().robots(io(), *net::anonymous(), "", SIZE_MAX);
  std::size_t listed = 0;
  stream->next([&](const result<std::vector<net::named_robot>>& got) { listed = got->size(); });
  settle();
  EXPECT_EQ(listed, static_cast<std::size_t>(many));
  const auto next = measure([&] {
    engine().robot(io(), test::permitted("robot-1"), [](const auto& got) { EXPECT_TRUE(got); });
    settle();
  });
  EXPECT_GE(next.live_bytes, -1'000) << "the same actor, which had kept the list until now";
}

TEST_F(IdleCostTest, NeitherRobotsNorConnectionsHaveTimers) {
  constexpr std::int64_t seconds = 30;
  const auto empty = idle_seconds(seconds);
  make_robots();
  const auto crowded = idle_seconds(seconds);
  EXPECT_NEAR(static_cast<double>(crowded.jobs), static_cast<double>(empty.jobs), shards)
      << "a sweep of each more or less";
  EXPECT_LE(empty.jobs, seconds * 9) << "measured: 7 a second";
  EXPECT_EQ(empty.appends + crowded.appends, 0U) << "nothing unsealed: no tick";
}

} // namespace
} // namespace telemetry::test
