// Values come back out of the text of a statement, without a server.
#include "storage/mysql/mysql_text.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace telemetry::mysql {
namespace {

/// What a server makes of a literal that sql_bytes became.
std::string unescaped(std::string_view literal) {
  constexpr std::string_view begin = "_binary'";
  EXPECT_TRUE(literal.starts_with(begin) && literal.ends_with('\''));
  literal.remove_prefix(begin.size());
  literal.remove_suffix(1);
  std::string bytes;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    EXPECT_NE(literal[i], '\'') << "ends the literal";
    if (literal[i] == '\\')
      ++i;
    bytes += literal[i];
  }
  return bytes;
}

void expect_back(double value) {
  const sql_text text(value);
  double back = 0;
  const char* const end = text.str().data() + text.size();
  EXPECT_EQ(std::from_chars(text.str().data(), end, back).ptr, end) << text.str();
  EXPECT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << text.str();
}

TEST(MysqlTextTest, KeepsDoublesAtEveryBoundary) {
  for (int k = -1074; k <= 53; ++k)
    for (int d = 0; d <= 15; d = k < 0 ? 16 : d + 1) {
      const double edge = std::ldexp(1.0, k) / std::pow(10.0, d);
      for (const double value : {std::nextafter(edge, 0), edge, std::nextafter(edge, 1e300)}) {
        expect_back(value);
        expect_back(-value);
      }
    }
  expect_back(1e15);
  expect_back(-1e15);
}

TEST(MysqlTextTest, KeepsIntegersAtEveryBoundary) {
  for (unsigned k = 0; k < 64; ++k)
    for (const std::uint64_t offset : {~0ULL, 0ULL, 1ULL}) {
      const std::uint64_t value = (1ULL << k) + offset;
      EXPECT_EQ(sql_text(value).str(), std::to_string(value));
      for (const auto number :
           {static_cast<std::int64_t>(value), static_cast<std::int64_t>(0 - value)})
        EXPECT_EQ(sql_text(number).str(), std::to_string(number));
    }
}

TEST(MysqlTextTest, KeepsEveryPairOfBytes) {
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
      ASSERT_EQ(unescaped(sql_text(sql_bytes{bytes}).str()), bytes) << first << " " << second;
    }
}

} // namespace
} // namespace telemetry::mysql
