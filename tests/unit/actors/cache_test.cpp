// The cache of latest states: changed robots, rebuilds, and a cache that is away.

#include "tests/support/producer.hpp"

#include "storage/state_cache.hpp"

#include <map>

namespace telemetry::test {
namespace {

using std::chrono::milliseconds;

/// What a cache holds, and how it behaves; outlives the engine.
struct cache_world {
  std::map<std::string, robot_state> states;
  bool is_away = false;
  bool was_flushed = true;
  bool is_whole = false;
  std::size_t puts = 0;
};

class fake_cache final : public state_cache {
public:
  explicit fake_cache(cache_world& world) : world_(world) {}

  result<void> put(std::span<const named_state> states) override {
    if (world_.is_away)
      return failure{errc::unavailable, "away"};
    ++world_.puts;
    for (const auto& one : states)
      world_.states.insert_or_assign(std::string(one.name), one.state);
    return {};
  }
  [[nodiscard]] bool needs_rebuild() const noexcept override { return world_.was_flushed; }
  result<void> begin_rebuild() override {
    if (world_.is_away)
      return failure{errc::unavailable, "away"};
    world_.is_whole = world_.was_flushed = false;
    return {};
  }
  result<void> end_rebuild() override {
    world_.is_whole = true;
    return {};
  }

private:
  cache_world& world_;
};

class cache_test : public engine_test {
protected:
  cache_test() : engine_test(2) {
    options.robots_idle = milliseconds{20};
    options.cache_interval = milliseconds{interval_ms};
    make_cache = [this] { return std::make_unique<fake_cache>(cache); };
  }
  [[nodiscard]] std::size_t cached_events(const std::string& robot) const {
    const auto found = cache.states.find(robot);
    return found == cache.states.end() ? 0 : found->second.events;
  }
  static constexpr std::int64_t interval_ms = 50;
  cache_world cache;
};
using CacheTest = cache_test;

TEST_F(CacheTest, HasTheLatestStatesWithinTheInterval) {
  start();
  producer client{*this};
  client.send("0,0,1,a", "3,4,2,a", "1,1,1,b");
  live(2 * interval_ms);
  EXPECT_EQ(cached_events("a"), 2U);
  EXPECT_EQ(cache.states.at("a").odometer, 5.0);
  EXPECT_EQ(cached_events("b"), 1U);
  EXPECT_TRUE(cache.is_whole);
  const auto puts = cache.puts;
  live(4 * interval_ms);
  EXPECT_EQ(cache.puts, puts) << "nothing changed";
}

TEST_F(CacheTest, ACacheThatIsAwayDelaysNothingAndIsRebuiltWhenItIsBack) {
  start();
  producer client{*this};
  client.send("0,0,1,a");
  live(2 * interval_ms);
  cache.is_away = true;
  client.send("0,0,2,a", "0,0,1,b");
  settle();
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK", "OK", "OK"}));
  live(5 * window_ms);
  checkpoint();
  live(500); // both leave memory
  const auto loads = database.store_faults->robots.calls();
  client.send("0,0,3,b");
  settle();
  EXPECT_GT(database.store_faults->robots.calls(), loads) << "b was kept for the cache";
  EXPECT_EQ(cached_events("a"), 1U);
  cache.is_away = false;
  live(3 * interval_ms);
  EXPECT_EQ(cached_events("a"), 2U);
  EXPECT_EQ(cached_events("b"), 2U);
  EXPECT_TRUE(cache.is_whole);
}

TEST_F(CacheTest, ARebuildTakesMemoryForNewerThanTheTable) {
  start();
  producer client{*this};
  client.send("0,0,1,a", "0,0,1,b");
  live(5 * window_ms);
  checkpoint();
  live(500);
  client.send("0,0,2,a"); // in memory; its row has one event, and b is passive
  live(2 * interval_ms);
  cache.states.clear();
  cache.was_flushed = true;
  live(2 * interval_ms);
  EXPECT_EQ(cached_events("a"), 2U);
  EXPECT_EQ(cached_events("b"), 1U);
}

TEST_F(CacheTest, ARebuildThatTheStoreBreaksBeginsAgain) {
  start();
  {
    producer client{*this};
    client.send("0,0,1,a");
    live(5 * window_ms);
    checkpoint();
    live(500);
  }
  cache.states.clear();
  cache.was_flushed = true;
  database.store_faults->reads.fail_next(1, errc::unavailable);
  live(interval_ms);
  EXPECT_FALSE(cache.is_whole);
  live(3 * interval_ms);
  EXPECT_EQ(cached_events("a"), 1U);
  EXPECT_TRUE(cache.is_whole);
}

} // namespace
} // namespace telemetry::test
