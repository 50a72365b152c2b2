#include "actors/gate.hpp"
#include "actors/stale_log.hpp"
#include "tests/support/manual_world.hpp"

#include <gtest/gtest.h>

namespace telemetry::test {
namespace {

class gate_test : public testing::Test {
protected:
  gate_test() {
    gate_.on_open([this] { ++opened_; });
    gate_.start_clock(5'000);
  }
  manual_time time_;
  gate gate_{{100, 1'000}, time_};
  int opened_ = 0;
};
using GateTest = gate_test;

TEST_F(GateTest, ClosesAboveTheJournalLimitAndOpensAtIt) {
  gate_.add_journal(100);
  EXPECT_TRUE(gate_.is_open());
  gate_.add_journal(1);
  EXPECT_FALSE(gate_.is_open());
  time_.steady += 7;
  EXPECT_EQ(gate_.closed_ms(), 7);
  gate_.remove_journal(1);
  EXPECT_TRUE(gate_.is_open());
  EXPECT_EQ(opened_, 1);
  EXPECT_EQ(gate_.closed_ms(), 0);
}

/// Removes bytes from a gate while that one closes: it is between its look at the limits and the
/// flag that would have remove() look again.
struct time_that_removes final : time_source {
  [[nodiscard]] std::int64_t wall() const override { return 0; }
  [[nodiscard]] std::int64_t steady_ms() const override {
    if (auto* closing = std::exchange(target, nullptr); closing != nullptr)
      closing->remove_journal(101);
    return 0;
  }
  mutable gate* target = nullptr;
};

TEST(GateRaceTest, OpensAgainIfBytesWentWhileItClosed) {
  time_that_removes time;
  gate racing{{100, 1'000}, time};
  time.target = &racing;
  racing.add_journal(101);
  EXPECT_EQ(time.target, nullptr) << "the removal has happened";
  EXPECT_TRUE(racing.is_open()) << "nothing would ever ask again";
}

TEST_F(GateTest, StaysClosedWhileOneLimitIsExceeded) {
  gate_.add_journal(101);
  gate_.add_memory(1'001);
  gate_.remove_journal(101);
  EXPECT_FALSE(gate_.is_open());
  gate_.remove_memory(1);
  EXPECT_TRUE(gate_.is_open());
}

TEST_F(GateTest, ServingTimeStandsStillWhileClosed) {
  time_.steady += 10;
  EXPECT_EQ(gate_.serving_now(), 5'010);
  gate_.add_memory(1'001);
  time_.steady += 1'000;
  EXPECT_EQ(gate_.serving_now(), 5'010);
  gate_.remove_memory(1);
  time_.steady += 5;
  EXPECT_EQ(gate_.serving_now(), 5'015);
}

TEST_F(GateTest, ServingTimeGoesOnAfterACheckpointThatFreedTooLittle) {
  gate_.add_memory(1'001);
  gate_.checkpoint_done();
  time_.steady += 5;
  EXPECT_EQ(gate_.serving_now(), 5'005) << "or what fills memory would never be sealed";
  EXPECT_FALSE(gate_.is_open());
}

TEST_F(GateTest, ServingTimeStandsStillWhileTheJournalIsAway) {
  gate_.journal_away("no space");
  time_.steady += 50;
  EXPECT_EQ(gate_.away_ms(), 50);
  gate_.journal_away("still no space");
  EXPECT_EQ(gate_.away_ms(), 50) << "counted from the first failure";
  EXPECT_EQ(gate_.away(), "still no space");
  EXPECT_EQ(gate_.serving_now(), 5'000);
  gate_.journal_away("");
  EXPECT_EQ(gate_.away_ms(), 0);
  EXPECT_EQ(gate_.away(), std::nullopt);
  time_.steady += 5;
  EXPECT_EQ(gate_.serving_now(), 5'005);
}

TEST_F(GateTest, AJournalThatHangsIsAwayWithoutRefusing) {
  gate_.journal_busy(time_.steady);
  time_.steady += 1'999;
  EXPECT_FALSE(gate_.away());
  time_.steady += 1'001;
  EXPECT_EQ(gate_.away(), "the journal has not answered for 3 s");
  EXPECT_EQ(gate_.away_ms(), 3'000);
  EXPECT_TRUE(gate_.is_open()) << "producers are read within their credit";
  gate_.journal_busy(std::nullopt);
  EXPECT_FALSE(gate_.away());
  EXPECT_EQ(gate_.away_ms(), 0);
}

TEST_F(GateTest, AJournalThatRefusesAfterItHungHasBeenAwaySinceItWasAsked) {
  gate_.journal_busy(time_.steady);
  time_.steady += 10'000;
  EXPECT_EQ(gate_.journal_answering().silence_ms, 10'000);
  EXPECT_FALSE(gate_.journal_answering().refuses);
  gate_.journal_away("lost");
  EXPECT_EQ(gate_.journal_answering().silence_ms, 0);
  EXPECT_TRUE(gate_.journal_answering().refuses);
  EXPECT_EQ(gate_.away_ms(), 10'000);
}

TEST_F(GateTest, AStoreThatIsSilentAsLongAsAHangingJournalIsAway) {
  std::chrono::milliseconds silence{1'999};
  gate_.watch_store([&silence] { return silence; });
  EXPECT_FALSE(gate_.away());
  EXPECT_FALSE(gate_.store_trouble());
  EXPECT_EQ(gate_.store_answering().silence_ms, 0);
  silence = std::chrono::milliseconds{2'000};
  EXPECT_EQ(gate_.away(), "the store has not answered for 2 s");
  EXPECT_EQ(gate_.store_trouble(), "the store has not answered for 2 s");
  EXPECT_EQ(gate_.store_answering().silence_ms, 2'000);
  EXPECT_EQ(gate_.away_ms(), 0) << "producers go on";
  gate_.store_away("lost");
  EXPECT_EQ(gate_.away(), "lost");
  EXPECT_EQ(gate_.store_trouble(), "lost");
  gate_.journal_away("no space");
  EXPECT_EQ(gate_.away(), "no space") << "that is worse";
  EXPECT_EQ(gate_.store_trouble(), "lost");
}

TEST_F(GateTest, AStoreThatIsAwayClosesNothing) {
  gate_.store_away("no space");
  EXPECT_EQ(gate_.away(), "no space");
  EXPECT_EQ(gate_.away_ms(), 0);
  EXPECT_TRUE(gate_.is_open());
  gate_.store_away("");
  EXPECT_EQ(gate_.away(), std::nullopt);
}

std::size_t warnings(stale_log& watch, const char* robot, std::uint64_t events, std::int64_t at) {
  testing::internal::CaptureStderr();
  for (std::uint64_t i = 0; i < events; ++i)
    watch.note(robot, 77, at);
  const auto text = testing::internal::GetCapturedStderr();
  std::size_t lines = 0;
  for (auto found = text.find("seal_point=77"); found != std::string::npos;
       found = text.find("seal_point=77", found + 1))
    ++lines;
  return lines;
}

TEST(StaleWatchTest, NamesARobotOnceAMinuteAtMost) {
  stale_log watch;
  EXPECT_EQ(warnings(watch, "a", stale_log::warn_count - 1, 60'000), 0U);
  EXPECT_EQ(warnings(watch, "a", 5 * stale_log::warn_count, 60'001), 1U);
  EXPECT_EQ(warnings(watch, "a", stale_log::warn_count, 119'999), 0U);
  EXPECT_EQ(warnings(watch, "b", stale_log::warn_count, 119'999), 1U);
  EXPECT_EQ(warnings(watch, "a", stale_log::warn_count, 120'000), 1U);
}

} // namespace
} // namespace telemetry::test
