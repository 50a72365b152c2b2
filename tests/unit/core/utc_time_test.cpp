#include "core/utc_time.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

namespace telemetry {
namespace {

TEST(UtcTimeTest, PrintsMillisecondsSince1970AsDateAndTime) {
  for (const auto& [time, text] : std::initializer_list<std::pair<wall_ms, const char*>>{
           {0, "1970-01-01T00:00:00.000+00:00"},
           {-1, "1969-12-31T23:59:59.999+00:00"},
           {951'782'400'000, "2000-02-29T00:00:00.000+00:00"},
           {4'107'542'399'999, "2100-02-28T23:59:59.999+00:00"},
           {4'107'542'400'000, "2100-03-01T00:00:00.000+00:00"},
           {1'767'225'599'999, "2025-12-31T23:59:59.999+00:00"}}) {
    std::string out = "at ";
    append_utc_time(out, time);
    EXPECT_EQ(out, std::string("at ") + text);
    EXPECT_EQ(read_utc_time(text), time);
  }
}

TEST(UtcTimeTest, ReadsSecondsAndMillisecondsInUtcOnly) {
  EXPECT_EQ(read_utc_time("2000-02-29T00:00:00Z"), 951'782'400'000);
  EXPECT_EQ(read_utc_time("2000-02-29T00:00:00.007Z"), 951'782'400'007);
  EXPECT_EQ(read_utc_time("2000-02-29T00:00:00+00:00"), 951'782'400'000);
  for (const auto* text :
       {"", "2000-02-29", "2000-02-29T00:00:00", "2000-02-30T00:00:00Z", "2001-02-29T00:00:00Z",
        "2000-00-01T00:00:00Z", "2000-13-01T00:00:00Z", "2000-01-01T24:00:00Z",
        "2000-01-01T00:60:00Z", "2000-01-01T00:00:60Z", "2000-01-01 00:00:00Z",
        "2000-01-01T00:00:00+01:00", "2000-01-01T00:00:00ZZ", "2000-01-01T00:00:00.1Z",
        "2000-01-01T00:00:00.1234Z", "2000-01-01T00:00:00.-12Z", "+000-01-01T00:00:00Z",
        " 2000-01-01T00:00:00Z", "2000-01-01T00:00:00z"})
    EXPECT_FALSE(read_utc_time(text)) << text;
}

} // namespace
} // namespace telemetry
