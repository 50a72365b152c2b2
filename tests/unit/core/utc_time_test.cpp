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
  }
}

} // namespace
} // namespace telemetry
