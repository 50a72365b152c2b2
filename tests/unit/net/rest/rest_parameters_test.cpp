#include "net/rest/rest_parameters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

http_target query(const std::string& text) { return parse_target("/?" + text).value(); }

TEST(RestParametersTest, ReadsTimestamps) {
  const auto read = [](const std::string& value) {
    return timestamp_parameter(query("t=" + value), "t").value();
  };
  EXPECT_EQ(read("0"), 0);
  EXPECT_EQ(read("007"), 7);
  EXPECT_EQ(read("%2B7"), 7);
  EXPECT_EQ(read("9007199254740991"), timestamp_max);
  EXPECT_EQ(read("9007199254740990"), timestamp_max - 1);
  EXPECT_EQ(read("9007199254740992"), timestamp_max);
  EXPECT_EQ(read("9223372036854775808"), timestamp_max);
  EXPECT_EQ(read(std::string(40, '9')), timestamp_max);
  EXPECT_EQ(read("00000000000000000000000000000000000000001"), 1);
  EXPECT_EQ(timestamp_parameter(query("u=1"), "t").value(), std::nullopt);
}

TEST(RestParametersTest, RefusesWhatIsNoTimestampByItsName) {
  for (const std::string value : {"", "+", "-1", "-0", "1.5", "1.", "1e3", "0x1", "%201", "1%20",
                                  "1,2", "abc", "nan", "++1", "+1", "%D9%A1", "1%00"}) {
    const auto read = timestamp_parameter(query("start_time=" + value), "start_time");
    ASSERT_FALSE(read) << value;
    EXPECT_EQ(read.error().code, errc::malformed);
    EXPECT_THAT(read.error().text, testing::StartsWith("start_time "));
  }
}

TEST(RestParametersTest, RefusesRepeatedParameter) {
  EXPECT_FALSE(find_parameter(query("a=1&b=2&a=1"), "a"));
  EXPECT_EQ(find_parameter(query("a=1&b=2&a=1"), "b").value(), "2");
  EXPECT_EQ(find_parameter(query("%61=1"), "a").value(), "1");
}

TEST(RestParametersTest, ReadsRangesInEitherOrder) {
  const auto both = range_parameters(query("start_time=9&end_time=3")).value();
  EXPECT_EQ(both.from, 3);
  EXPECT_EQ(both.to, 9);
  const auto open = range_parameters(query("")).value();
  EXPECT_EQ(open.from, 0);
  EXPECT_EQ(open.to, timestamp_max);
  EXPECT_EQ(range_parameters(query("start_time=5")).value().from, 5);
  EXPECT_EQ(range_parameters(query("end_time=5")).value().to, 5);
  EXPECT_FALSE(range_parameters(query("start_time=1&end_time=x")));
  EXPECT_FALSE(range_parameters(query("start_time=x&end_time=1")));
}

TEST(RestParametersTest, ReadsLimits) {
  EXPECT_EQ(limit_parameter(query("")).value(), no_limit);
  EXPECT_EQ(limit_parameter(query("limit=1")).value(), 1u);
  EXPECT_EQ(limit_parameter(query("limit=100000")).value(), page_rows_max);
  for (const std::string value : {"", "0", "100001", "-1", "1.0", "x", "99999999999999999999999"})
    EXPECT_FALSE(limit_parameter(query("limit=" + value))) << value;
}

} // namespace
} // namespace telemetry::net
