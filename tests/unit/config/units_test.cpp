#include "config/units.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace telemetry::config {
namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

TEST(UnitsTest, ReadsSizes) {
  EXPECT_EQ(read_number("4096", unit::bytes), 4096u);
  EXPECT_EQ(read_number("7B", unit::bytes), 7u);
  EXPECT_EQ(read_number("64KiB", unit::bytes), 65536u);
  EXPECT_EQ(read_number("8 mib", unit::bytes), 8u << 20);
  EXPECT_EQ(read_number("1GiB", unit::bytes), 1u << 30);
  EXPECT_EQ(read_number("16TiB", unit::bytes), std::uint64_t{16} << 40);
}

TEST(UnitsTest, ReadsDurations) {
  EXPECT_EQ(read_number("250", unit::milliseconds), 250u);
  EXPECT_EQ(read_number("500ms", unit::milliseconds), 500u);
  EXPECT_EQ(read_number("10s", unit::milliseconds), 10'000u);
  EXPECT_EQ(read_number("5min", unit::milliseconds), 300'000u);
  EXPECT_EQ(read_number("1h", unit::milliseconds), 3'600'000u);
  EXPECT_EQ(read_number("2d", unit::milliseconds), 172'800'000u);
}

TEST(UnitsTest, ReadsAndWritesPermissionsInOctal) {
  for (const char* text : {"0660", "660"})
    EXPECT_EQ(read_number(text, unit::octal), 0660u) << text;
  for (const char* text : {"0680", "0o660", "u=rw", "0660 ", "-1", "2000000000000000000000"})
    EXPECT_FALSE(read_number(text, unit::octal)) << text;
  EXPECT_EQ(write_number(0660, unit::octal), "0660");
  EXPECT_EQ(write_number(0, unit::octal), "0000");
  EXPECT_EQ(write_number(017777, unit::octal), "17777");
}

TEST(UnitsTest, RefusesWhatIsNotANumberOfTheUnit) {
  for (const char* text :
       {"", " ", "x", "-1", "+1", "1.5s", "1ss", "s", "1  s", " 1s", "1s ", "1KiB"})
    EXPECT_FALSE(read_number(text, unit::milliseconds)) << text;
  for (const char* text : {"1KB", "1s", "0x10", "1 KiB x"})
    EXPECT_FALSE(read_number(text, unit::bytes)) << text;
  for (const char* text : {"1k", "1s", "1B", "1e3", "1_000"})
    EXPECT_FALSE(read_number(text, unit::count)) << text;
}

TEST(UnitsTest, RefusesWhatDoesNotFit64Bits) {
  EXPECT_EQ(read_number("18446744073709551615", unit::count), most);
  EXPECT_FALSE(read_number("18446744073709551616", unit::count));
  EXPECT_EQ(read_number("16777215TiB", unit::bytes), std::uint64_t{16777215} << 40);
  EXPECT_FALSE(read_number("16777216TiB", unit::bytes));
}

TEST(UnitsTest, WritesTheLargestUnitThatDivides) {
  EXPECT_EQ(write_number(0, unit::bytes), "0");
  EXPECT_EQ(write_number(65536, unit::bytes), "64KiB");
  EXPECT_EQ(write_number(65537, unit::bytes), "65537B");
  EXPECT_EQ(write_number(1'000, unit::milliseconds), "1s");
  EXPECT_EQ(write_number(90'000, unit::milliseconds), "90s");
  EXPECT_EQ(write_number(60'000, unit::milliseconds), "1min");
  EXPECT_EQ(write_number(60'000, unit::count), "60000");
}

TEST(UnitsTest, ReadsBackWhatItWrites) {
  for (const unit in : {unit::count, unit::bytes, unit::milliseconds, unit::octal})
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{999},
                                      std::uint64_t{1} << 40, most - 1, most})
      EXPECT_EQ(read_number(write_number(value, in), in), value);
}

} // namespace
} // namespace telemetry::config
