#include "actors/stale_log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace telemetry::test {
namespace {

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
