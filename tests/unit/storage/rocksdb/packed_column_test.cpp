// Any integers come back out of a column.
#include "storage/rocksdb/packed_column.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace telemetry::rocks {
namespace {

std::string put(const std::vector<std::int64_t>& values) {
  std::string bytes(column_bytes_max, '\0');
  const char* const end = put_column(bytes.data(), values);
  bytes.resize(static_cast<std::size_t>(end - bytes.data()));
  return bytes;
}

std::vector<std::int64_t> take(std::string_view bytes, std::int64_t first, std::size_t count) {
  std::vector<std::int64_t> values{first};
  column_reader reader;
  EXPECT_TRUE(reader.open(bytes, first, count));
  EXPECT_TRUE(bytes.empty());
  std::int64_t group[column_group];
  while (const std::size_t read = reader.read(group))
    values.insert(values.end(), group, group + read);
  return values;
}

TEST(PackedColumnTest, KeepsIntegersOfAnyWidth) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (unsigned bits = 0; bits <= 64; ++bits)
    for (const std::size_t count : {2U, 3U, 32U, 33U, 34U, 64U, 65U, 256U}) {
      std::vector<std::int64_t> values;
      for (std::size_t i = 0; i < count; ++i)
        values.push_back(static_cast<std::int64_t>(bits == 0 ? 5 : random() >> (64 - bits)));
      const std::string bytes = put(values);
      ASSERT_LE(bytes.size() + 8, column_bytes_max);
      ASSERT_EQ(take(bytes, values[0], count - 1), values) << bits << " bits, " << count;
    }
}

TEST(PackedColumnTest, KeepsTheEndsOfTheRange) {
  constexpr auto low = std::numeric_limits<std::int64_t>::min();
  constexpr auto high = std::numeric_limits<std::int64_t>::max();
  for (const std::vector<std::int64_t>& values :
       {std::vector<std::int64_t>{low, high}, {high, low}, {low, high, low, high, 0, -1, 1}})
    EXPECT_EQ(take(put(values), values[0], values.size() - 1), values);
}

/// 2^k, its two neighbours, and their negatives, for every k; sums wrap as they do in the column.
std::vector<std::int64_t> boundaries() {
  std::vector<std::int64_t> found;
  for (unsigned k = 0; k < 64; ++k)
    for (const std::uint64_t offset : {~0ULL, 0ULL, 1ULL}) {
      const std::uint64_t value = (1ULL << k) + offset;
      found.push_back(static_cast<std::int64_t>(value));
      found.push_back(static_cast<std::int64_t>(0 - value));
    }
  return found;
}

TEST(PackedColumnTest, KeepsBoundariesBesideTheEndsOfTheRange) {
  constexpr auto low = std::numeric_limits<std::int64_t>::min();
  constexpr auto high = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t value : boundaries())
    for (const std::int64_t other : {low, std::int64_t{-1}, std::int64_t{0}, high}) {
      ASSERT_EQ(take(put({value, other}), value, 1), (std::vector{value, other}));
      ASSERT_EQ(take(put({other, value}), other, 1), (std::vector{other, value}));
    }
}

TEST(PackedColumnTest, KeepsABoundaryAtAnyPlaceOfAFullBlock) {
  for (const std::int64_t value : boundaries())
    for (const std::size_t place : {0U, 1U, 31U, 32U, 33U, 64U, 127U}) {
      std::vector<std::int64_t> values(128, 5);
      values[place] = value;
      ASSERT_EQ(take(put(values), values[0], 127), values) << value << " at " << place;
    }
}

TEST(PackedColumnTest, ConstantStepsTakeNoBitsAndConstantTurnsNeither) {
  std::vector<std::int64_t> steady;
  std::vector<std::int64_t> turning;
  for (std::int64_t i = 0; i < 129; ++i) {
    steady.push_back(1000 * i);
    turning.push_back(500 * i * i);
  }
  EXPECT_LE(put(steady).size(), 4U + 2);
  EXPECT_LE(put(turning).size(), 4U + 2 + 2);
  EXPECT_EQ(take(put(turning), 0, 128), turning);
}

TEST(PackedColumnTest, AGroupPaysForItsOwnOutlierOnly) {
  std::vector<std::int64_t> values(129);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int64_t>(i * i % 7) + (i >= 100 ? 1'000'000'000'000 : 0);
  EXPECT_LE(put(values).size(), 4U + 10 + 3 * 17 + 32 * 6);
  EXPECT_EQ(take(put(values), 0, 128), values);
}

TEST(PackedColumnTest, RefusesWidthsThatNobodyWrites) {
  for (const char width : {'\x3a', '\x3f', '\x41', '\x7f'}) {
    const std::string bytes = width + std::string(40, '\0');
    std::string_view rest = bytes;
    EXPECT_FALSE(column_reader().open(rest, 0, 2)) << int(width);
  }
}

TEST(PackedColumnTest, VarintsKeepEveryBoundary) {
  for (const std::int64_t value : boundaries()) {
    char bytes[varint_bytes_max];
    const char* const end = put_varint(bytes, zigzag(value));
    std::string_view rest(bytes, static_cast<std::size_t>(end - bytes));
    const auto back = take_varint(rest);
    ASSERT_TRUE(back) << value;
    EXPECT_EQ(unzigzag(*back), value);
    EXPECT_TRUE(rest.empty()) << value;
  }
}

TEST(PackedColumnTest, VarintsComeBackAndEnd) {
  for (const std::uint64_t value : {0ULL, 127ULL, 128ULL, 1ULL << 35, ~0ULL}) {
    char bytes[varint_bytes_max];
    const char* const end = put_varint(bytes, value);
    std::string_view rest(bytes, static_cast<std::size_t>(end - bytes));
    EXPECT_EQ(take_varint(rest), value);
    EXPECT_TRUE(rest.empty());
  }
  std::string_view endless("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11);
  EXPECT_FALSE(take_varint(endless));
  std::string_view cut("\x80", 1);
  EXPECT_FALSE(take_varint(cut));
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1},
                                   std::numeric_limits<std::int64_t>::min()})
    EXPECT_EQ(unzigzag(zigzag(value)), value);
  EXPECT_EQ(zigzag(-1), 1U);
}

} // namespace
} // namespace telemetry::rocks
