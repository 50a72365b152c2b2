#include "core/number.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>

namespace telemetry {
namespace {

std::string written(double value) {
  std::string out;
  append_double(out, value);
  return out;
}

std::string written_integer(std::int64_t value) {
  std::string out;
  append_integer(out, value);
  return out;
}

TEST(AppendDoubleTest, AlwaysHasAPointOrAnExponent) {
  EXPECT_EQ(written(0), "0.0");
  EXPECT_EQ(written(1), "1.0");
  EXPECT_EQ(written(-0.25), "-0.25");
  EXPECT_EQ(written(1e300), "1e+300");
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(12345), "12345.0");
  EXPECT_EQ(written(1e15), "1e+15");
  EXPECT_EQ(written(999999999999999), "999999999999999.0");
  EXPECT_EQ(written(5e-324), "5e-324");
  EXPECT_EQ(written(-2.2250738585072014e-308), "-2.2250738585072014e-308");
}

TEST(AppendDoubleTest, ReadsBackToTheSameDouble) {
  const unsigned seed = 20261123;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) {
      continue;
    }
    const std::string text = written(value);
    double back = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(read.ptr, text.data() + text.size()) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << text;
    ASSERT_NE(text.find_first_of(".e"), std::string::npos) << text;
  }
}

TEST(AppendDoubleTest, AppendsToWhatIsThere) {
  std::string out = "x=";
  append_double(out, 2);
  append_integer(out, 3);
  EXPECT_EQ(out, "x=2.03");
}

TEST(AppendIntegerTest, WritesEveryMagnitude) {
  EXPECT_EQ(written_integer(0), "0");
  EXPECT_EQ(written_integer(-1), "-1");
  EXPECT_EQ(written_integer(std::numeric_limits<std::int64_t>::max()), "9223372036854775807");
  EXPECT_EQ(written_integer(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

} // namespace
} // namespace telemetry
