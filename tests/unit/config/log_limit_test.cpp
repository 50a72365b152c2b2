#include "config/log_limit.hpp"

#include <gtest/gtest.h>

namespace telemetry::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr limit::clock::time_point start{std::chrono::hours(1)};

TEST(LogLimitTest, PassesAKindOnceInTenSecondsAndCountsTheRest) {
  limit one;
  EXPECT_EQ(one.pass("a", start), 0u);
  EXPECT_EQ(one.pass("b", start), 0u);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(one.pass("a", start + seconds(9)), std::nullopt);
  EXPECT_EQ(one.pass("a", start + seconds(10)), 5u);
  EXPECT_EQ(one.pass("b", start + seconds(11)), 0u);
}

TEST(LogLimitTest, PassesTenLinesASecondInAll) {
  limit one;
  int passed = 0;
  for (int i = 0; i < 1'000; ++i)
    passed += one.pass(std::to_string(i), start + milliseconds(i / 2)).has_value() ? 1 : 0;
  EXPECT_EQ(passed, 10);
  EXPECT_EQ(one.pass("next", start + seconds(1)), 990u);
}

TEST(LogLimitTest, AnAddressThatStaysIsNotForgottenAmongManyOthers) {
  limit one;
  for (int second = 0; second < 300; ++second)
    for (int i = 0; i < 9; ++i)
      (void)one.pass(std::to_string(second * 9 + i), start + seconds(second));
  const auto later = start + seconds(300);
  EXPECT_NE(one.pass("stays", later), std::nullopt);
  EXPECT_EQ(one.pass("stays", later + seconds(9)), std::nullopt);
}

} // namespace
} // namespace telemetry::log
