// The cache of latest states, as other programs see it.
#include "storage/redis/redis_cache.hpp"
#include "tests/contract/redis_fixture.hpp"

namespace telemetry::test {
namespace {

constexpr wall_ms new_year = 1'767'225'600'123; // 2026-01-01T00:00:00.123Z

robot_state state_at(timestamp_ms timestamp) {
  return {timestamp, {1.5, -2}, 0.1, 7, new_year - 1000, new_year};
}

void rebuild(state_cache& cache, std::span<const named_state> all) {
  ASSERT_TRUE(cache.begin_rebuild());
  ASSERT_TRUE(cache.put(all));
  ASSERT_TRUE(cache.end_rebuild());
}

class RedisCacheTest : public shared_redis_test {
protected:
  redis::redis_cache cache_{options_};
};
class RedisCacheOutageTest : public own_redis_test {};

TEST_F(RedisCacheTest, IsReadableWithRedisCli) {
  const std::vector<named_state> states{{"rover", state_at(5000)}, {"Übermut 1:2", state_at(7000)}};
  rebuild(cache_, states);
  EXPECT_EQ(client_({"HGETALL", key("robot:rover")}),
            "x\n1.5\ny\n-2.0\ntimestamp\n5000\nodometer\n0.1\nevents\n7\n"
            "updated_time\n2026-01-01T00:00:00.123+00:00");
  EXPECT_EQ(client_({"HGET", key("robot:Übermut 1:2"), "timestamp"}), "7000");
  EXPECT_EQ(client_({"ZREVRANGE", key("robots"), "0", "-1", "WITHSCORES"}),
            "Übermut 1:2\n7000\nrover\n5000");
  EXPECT_EQ(client_({"HGET", key("cache"), "state"}), "complete");
}

TEST_F(RedisCacheTest, HoldsTheLatestState) {
  rebuild(cache_, std::vector<named_state>{{"rover", state_at(5000)}});
  ASSERT_TRUE(cache_.put(std::vector<named_state>{{"rover", state_at(timestamp_max)}}));
  EXPECT_EQ(client_({"HGET", key("robot:rover"), "timestamp"}), "9007199254740991");
  EXPECT_EQ(client_({"ZCARD", key("robots")}), "1");
  EXPECT_FALSE(cache_.needs_rebuild());
}

TEST_F(RedisCacheTest, TakesMoreRobotsThanOnePipelineHolds) {
  std::vector<std::string> names;
  for (int i = 0; i < 1201; ++i)
    names.push_back("robot " + std::to_string(i));
  std::vector<named_state> states;
  for (const std::string& name : names)
    states.push_back({name, state_at(static_cast<timestamp_ms>(states.size()))});
  rebuild(cache_, states);
  EXPECT_EQ(client_({"ZCARD", key("robots")}), "1201");
  EXPECT_EQ(client_({"HGET", key("robot:robot 1200"), "timestamp"}), "1200");
}

TEST_F(RedisCacheTest, SaysThatItIsBeingRebuilt) {
  EXPECT_TRUE(cache_.needs_rebuild());
  ASSERT_TRUE(cache_.begin_rebuild());
  EXPECT_FALSE(cache_.needs_rebuild());
  EXPECT_EQ(client_({"HGET", key("cache"), "state"}), "rebuilding");
}

TEST_F(RedisCacheTest, NeedsARebuildAfterItsKeysAreDeleted) {
  const std::vector<named_state> states{{"rover", state_at(5000)}};
  rebuild(cache_, states);
  delete_redis_keys(options_);
  EXPECT_FALSE(cache_.needs_rebuild());
  ASSERT_TRUE(cache_.put(states));
  EXPECT_TRUE(cache_.needs_rebuild());
}

TEST_F(RedisCacheTest, IsNotCompleteWhenItsKeysAreDeletedDuringTheRebuild) {
  ASSERT_TRUE(cache_.begin_rebuild());
  ASSERT_TRUE(cache_.put(std::vector<named_state>{{"rover", state_at(5000)}}));
  delete_redis_keys(options_);
  ASSERT_TRUE(cache_.end_rebuild());
  EXPECT_TRUE(cache_.needs_rebuild());
  EXPECT_EQ(client_({"EXISTS", key("cache")}), "0");
}

TEST_F(RedisCacheTest, ReportsWhatItCannotWrite) {
  client_({"SET", key("robots"), "no sorted set"});
  EXPECT_TRUE(fails_with(cache_.put(std::vector<named_state>{{"rover", state_at(1)}}),
                         errc::corrupt, "WRONGTYPE"));
}

TEST_F(RedisCacheOutageTest, IsRebuiltAfterARestart) {
  const std::vector<named_state> states{{"rover", state_at(5000)}};
  redis::redis_cache cache(options_);
  rebuild(cache, states);
  stop();
  EXPECT_TRUE(fails_with(cache.put(states), errc::unavailable, "redis at "));
  EXPECT_TRUE(fails_with(cache.put(states), errc::unavailable, "No such file"));
  start();
  ASSERT_TRUE(cache.put(states));
  EXPECT_TRUE(cache.needs_rebuild());
  rebuild(cache, states);
  EXPECT_FALSE(cache.needs_rebuild());
}

TEST_F(RedisCacheOutageTest, NeedsNoRebuildAfterABrokenConnection) {
  const std::vector<named_state> states{{"rover", state_at(5000)}};
  redis::redis_cache cache(options_);
  rebuild(cache, states);
  cli({"CLIENT", "KILL", "TYPE", "normal"});
  EXPECT_TRUE(fails_with(cache.put(states), errc::unavailable, "connection lost"));
  ASSERT_TRUE(cache.put(states));
  EXPECT_FALSE(cache.needs_rebuild());
}

} // namespace
} // namespace telemetry::test
