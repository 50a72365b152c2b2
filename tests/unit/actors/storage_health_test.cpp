#include "actors/storage_health.hpp"
#include "tests/support/manual_world.hpp"

#include <gtest/gtest.h>

namespace telemetry::test {
namespace {

class storage_health_test : public testing::Test {
protected:
  storage_health_test() { serving_.start(5'000); }

  manual_time time_;
  serving_time serving_{time_};
  storage_health health_{time_, serving_};
};
using StorageHealthTest = storage_health_test;

TEST_F(StorageHealthTest, ServingTimeStandsStillWhileTheJournalIsAway) {
  health_.journal_away("no space");
  time_.steady += 50;
  EXPECT_EQ(health_.away_ms(), 50);
  health_.journal_away("still no space");
  EXPECT_EQ(health_.away_ms(), 50) << "counted from the first failure";
  EXPECT_EQ(health_.away(), "still no space");
  EXPECT_EQ(serving_.now(), 5'000);
  health_.journal_away("");
  EXPECT_EQ(health_.away_ms(), 0);
  EXPECT_EQ(health_.away(), std::nullopt);
  time_.steady += 5;
  EXPECT_EQ(serving_.now(), 5'005);
}

TEST_F(StorageHealthTest, AJournalThatHangsIsAwayWithoutRefusing) {
  health_.journal_busy(time_.steady);
  time_.steady += 1'999;
  EXPECT_FALSE(health_.away());
  time_.steady += 1'001;
  EXPECT_EQ(health_.away(), "the journal has not answered for 3 s");
  EXPECT_EQ(health_.away_ms(), 3'000);
  health_.journal_busy(std::nullopt);
  EXPECT_FALSE(health_.away());
  EXPECT_EQ(health_.away_ms(), 0);
}

TEST_F(StorageHealthTest, AJournalThatRefusesAfterItHungHasBeenAwaySinceItWasAsked) {
  health_.journal_busy(time_.steady);
  time_.steady += 10'000;
  EXPECT_EQ(health_.journal_answering().silence_ms, 10'000);
  EXPECT_FALSE(health_.journal_answering().refuses);
  health_.journal_away("lost");
  EXPECT_EQ(health_.journal_answering().silence_ms, 0);
  EXPECT_TRUE(health_.journal_answering().refuses);
  EXPECT_EQ(health_.away_ms(), 10'000);
}

TEST_F(StorageHealthTest, AStoreThatIsSilentAsLongAsAHangingJournalIsAway) {
  std::chrono::milliseconds silence{1'999};
  health_.watch_store([&silence] { return silence; });
  EXPECT_FALSE(health_.away());
  EXPECT_FALSE(health_.store_trouble());
  EXPECT_EQ(health_.store_answering().silence_ms, 0);
  silence = std::chrono::milliseconds{2'000};
  EXPECT_EQ(health_.away(), "the store has not answered for 2 s");
  EXPECT_EQ(health_.store_trouble(), "the store has not answered for 2 s");
  EXPECT_EQ(health_.store_answering().silence_ms, 2'000);
  EXPECT_EQ(health_.away_ms(), 0) << "producers go on";
  health_.store_away("lost");
  EXPECT_EQ(health_.away(), "lost");
  EXPECT_EQ(health_.store_trouble(), "lost");
  health_.journal_away("no space");
  EXPECT_EQ(health_.away(), "no space") << "that is worse";
  EXPECT_EQ(health_.store_trouble(), "lost");
}

TEST_F(StorageHealthTest, AStoreThatIsAwayStopsNoTime) {
  health_.store_away("no space");
  EXPECT_EQ(health_.away(), "no space");
  EXPECT_EQ(health_.away_ms(), 0);
  time_.steady += 5;
  EXPECT_EQ(serving_.now(), 5'005);
  health_.store_away("");
  EXPECT_EQ(health_.away(), std::nullopt);
}

} // namespace
} // namespace telemetry::test
