#include "core/result.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace telemetry {
namespace {

TEST(ErrcTest, NumbersAndNamesArePinnedBecauseLogsHoldThem) {
  EXPECT_EQ(to_string(static_cast<errc>(1)), "malformed");
  EXPECT_EQ(to_string(static_cast<errc>(2)), "unavailable");
  EXPECT_EQ(to_string(static_cast<errc>(3)), "no_space");
  EXPECT_EQ(to_string(static_cast<errc>(4)), "sync_failed");
  EXPECT_EQ(to_string(static_cast<errc>(5)), "fenced");
  EXPECT_EQ(to_string(static_cast<errc>(6)), "corrupt");
  EXPECT_EQ(to_string(static_cast<errc>(7)), "version");
  EXPECT_EQ(to_string(static_cast<errc>(8)), "locked");
  EXPECT_EQ(to_string(static_cast<errc>(9)), "invalid_option");
  EXPECT_EQ(to_string(static_cast<errc>(10)), "shutting_down");
  EXPECT_EQ(to_string(static_cast<errc>(11)), "timeout");
  EXPECT_EQ(to_string(static_cast<errc>(12)), "unreachable");
  EXPECT_EQ(to_string(static_cast<errc>(13)), "write_failed");
  EXPECT_EQ(to_string(static_cast<errc>(14)), "damaged_row");
}

TEST(ResultTest, HoldsAValueOrAFailure) {
  const result<int> good = 7;
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 7);
  const result<int> bad = failure{errc::no_space, "disk is full"};
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, errc::no_space);
  EXPECT_EQ(bad.error().text, "disk is full");
}

TEST(ResultTest, OfNothingSucceedsByDefault) {
  EXPECT_TRUE(result<void>());
  EXPECT_FALSE(result<void>(failure{errc::timeout, "late"}));
}

TEST(ResultTest, MovesItsValueOut) {
  result<std::unique_ptr<int>> made = std::make_unique<int>(3);
  const std::unique_ptr<int> owned = std::move(made).value();
  EXPECT_EQ(*owned, 3);
}

} // namespace
} // namespace telemetry
