#include "actors/byte_credit.hpp"
#include "tests/support/manual_world.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace telemetry::test {
namespace {

class byte_credit_test : public testing::Test {
protected:
  byte_credit_test() {
    credit_.on_open([this] { ++opened_; });
    credit_.on_room([this] { ++room_; });
    serving_.start(5'000);
  }

  manual_time time_;
  serving_time serving_{time_};
  byte_credit credit_{{100, 1'000}, time_, serving_};
  int opened_ = 0;
  int room_ = 0;
};
using ByteCreditTest = byte_credit_test;

TEST_F(ByteCreditTest, ClosesAboveTheLimitOfWhatIsReceivedAndOpensAtIt) {
  credit_.add(charge::received, 100);
  EXPECT_TRUE(credit_.is_open());
  credit_.add(charge::received, 1);
  EXPECT_FALSE(credit_.is_open());
  EXPECT_FALSE(credit_.memory_is_full());
  time_.steady += 7;
  EXPECT_EQ(credit_.closed_ms(), 7);
  credit_.remove(charge::received, 1);
  EXPECT_TRUE(credit_.is_open());
  EXPECT_EQ(opened_, 1);
  EXPECT_EQ(room_, 0);
  EXPECT_EQ(credit_.closed_ms(), 0);
}

/// Removes bytes from a credit while that one closes: it is between its look at the limits and the
/// flag that would have remove() look again.
struct time_that_removes final : time_source {
  [[nodiscard]] std::int64_t wall() const override { return 0; }
  [[nodiscard]] std::int64_t steady_ms() const override {
    if (auto* closing = std::exchange(target, nullptr); closing != nullptr)
      closing->remove(charge::received, 101);
    return 0;
  }
  mutable byte_credit* target = nullptr;
};

TEST(ByteCreditRaceTest, OpensAgainIfBytesWentWhileItClosed) {
  const manual_time still;
  serving_time serving{still};
  time_that_removes time;
  byte_credit racing{{100, 1'000}, time, serving};
  time.target = &racing;
  racing.add(charge::received, 101);
  EXPECT_EQ(time.target, nullptr) << "the removal has happened";
  EXPECT_TRUE(racing.is_open()) << "nothing would ever ask again";
}

TEST_F(ByteCreditTest, StaysClosedWhileOneLimitIsExceeded) {
  credit_.add(charge::received, 101);
  credit_.add(charge::rows, 1'001);
  credit_.remove(charge::received, 101);
  EXPECT_FALSE(credit_.is_open());
  credit_.remove(charge::rows, 1);
  EXPECT_TRUE(credit_.is_open());
}

TEST_F(ByteCreditTest, AllButWhatIsReceivedSharesTheLimitOfMemory) {
  credit_.add(charge::rows, 250);
  credit_.add(charge::robots, 250);
  credit_.add(charge::answers, 250);
  credit_.add(charge::expected, 250);
  EXPECT_TRUE(credit_.is_open());
  EXPECT_EQ(credit_.memory_bytes(), 1'000U);
  EXPECT_EQ(credit_.bytes(charge::rows), 250U);
  EXPECT_EQ(credit_.room_bytes(), 0U);
  credit_.add(charge::robots, 1);
  EXPECT_FALSE(credit_.is_open());
  EXPECT_TRUE(credit_.memory_is_full());
}

TEST_F(ByteCreditTest, TellsOfRoomWhileTheOtherLimitKeepsItClosed) {
  credit_.add(charge::received, 101);
  credit_.add(charge::robots, 1'001);
  credit_.remove(charge::robots, 1);
  EXPECT_EQ(room_, 1) << "or the writer, which alone frees what is received, would wait for ever";
  EXPECT_EQ(opened_, 0);
  EXPECT_FALSE(credit_.is_open());
}

TEST_F(ByteCreditTest, WhatIsOnlyExpectedNeedsNoCheckpoint) {
  credit_.add(charge::expected, 2'000);
  EXPECT_TRUE(credit_.memory_is_full());
  EXPECT_FALSE(credit_.needs_checkpoint());
  credit_.add(charge::rows, 1'001);
  EXPECT_TRUE(credit_.needs_checkpoint());
}

TEST_F(ByteCreditTest, ServingTimeStandsStillWhileItIsClosed) {
  time_.steady += 10;
  EXPECT_EQ(serving_.now(), 5'010);
  credit_.add(charge::rows, 1'001);
  time_.steady += 1'000;
  EXPECT_EQ(serving_.now(), 5'010);
  credit_.remove(charge::rows, 1);
  time_.steady += 5;
  EXPECT_EQ(serving_.now(), 5'015);
}

} // namespace
} // namespace telemetry::test
