#include "net/http_patience.hpp"

#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using std::chrono::milliseconds;

/// Ticks of a second until the time is over; `bytes` come in each.
int ticks_until_over(http_patience& one, std::size_t bytes, int most = 10'000) {
  for (int ticks = 1; ticks <= most; ++ticks) {
    if (one.tick())
      return ticks;
    if (bytes > 0)
      one.on_bytes(bytes);
  }
  return most;
}

TEST(HttpPatienceTest, EndsOneTickBehindTheIdleTimeout) {
  http_patience one(milliseconds(60'000));
  one.wait_idle();
  EXPECT_EQ(ticks_until_over(one, 0), 61);
}

TEST(HttpPatienceTest, HasNoEndForTheEngine) {
  http_patience one(milliseconds(60'000));
  one.wait_for_engine();
  EXPECT_EQ(ticks_until_over(one, 0, 1'000), 1'000);
}

TEST(HttpPatienceTest, GivesBodiesNoTimeForBytesThatCameFast) {
  http_patience one(milliseconds(60'000));
  one.wait_for_body(8u << 20);
  EXPECT_FALSE(one.tick());
  one.on_bytes(8'000'000);
  EXPECT_EQ(ticks_until_over(one, 0), 61);
}

TEST(HttpPatienceTest, MeasuresTheRateOfABodyInEveryIdleTimeout) {
  http_patience one(milliseconds(60'000));
  one.wait_for_body(200'000);
  EXPECT_EQ(ticks_until_over(one, 1'100), 10'000);
  one.wait_for_body(200'000);
  EXPECT_EQ(ticks_until_over(one, 900), 61);
  one.wait_for_body(200'000);
  EXPECT_EQ(ticks_until_over(one, 1'100, 100), 100);
  EXPECT_LE(ticks_until_over(one, 1), 61 + 61) << "a fast begin earns nothing";
}

TEST(HttpPatienceTest, WantsASixteenthOfALargeBodyInEveryIdleTimeout) {
  http_patience one(milliseconds(60'000));
  one.wait_for_body(8u << 20);
  EXPECT_EQ(ticks_until_over(one, 8'000), 61);
  one.wait_for_body(8u << 20);
  EXPECT_EQ(ticks_until_over(one, 9'000), 10'000);
}

TEST(HttpPatienceTest, LingersForTwoSilentSecondsAndTenInAll) {
  http_patience one(milliseconds(60'000));
  one.wait_for_end();
  EXPECT_EQ(ticks_until_over(one, 0), 3);
  one.wait_for_end();
  EXPECT_EQ(ticks_until_over(one, 1), 11);
}

} // namespace
} // namespace telemetry::net
