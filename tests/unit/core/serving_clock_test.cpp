#include "core/serving_clock.hpp"

#include <gtest/gtest.h>

namespace telemetry {
namespace {

TEST(ServingClockTest, RunsWithTheSteadyClockFromItsStart) {
  const serving_clock clock{1'000, 50};
  EXPECT_EQ(clock.now(50), 1'000);
  EXPECT_EQ(clock.now(75), 1'025);
}

TEST(ServingClockTest, NeverRunsBackwards) {
  const serving_clock clock{1'000, 50};
  EXPECT_EQ(clock.now(49), 1'000);
}

TEST(ServingClockTest, StandsStillWhilePaused) {
  serving_clock clock{1'000, 50};
  clock.pause(60);
  EXPECT_EQ(clock.now(500), 1'010);
  clock.pause(500); // once more changes nothing
  EXPECT_EQ(clock.now(600), 1'010);
  clock.resume(600);
  EXPECT_EQ(clock.now(605), 1'015);
}

TEST(ServingClockTest, ResumingARunningClockChangesNothing) {
  serving_clock clock{1'000, 50};
  clock.resume(70);
  EXPECT_EQ(clock.now(80), 1'030);
}

} // namespace
} // namespace telemetry
