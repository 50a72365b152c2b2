// Blocks come back bit for bit, whatever their events are, in bytes that do not change; damaged
// ones are refused.
#include "storage/rocksdb/event_block.hpp"

#include "core/odometer.hpp"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace telemetry::rocks {
namespace {

using rows = std::vector<event_row>;

std::vector<track_row> tracked(const rows& from) {
  std::vector<track_row> made;
  for (const event_row& row : from)
    made.push_back({row, 7, 8});
  return made;
}

/// Has the odometers of `from` follow from its positions.
rows folded(rows from, double odometer = 0) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    odometer = i == 0 ? odometer : odometer_after(odometer, from[i - 1].at, from[i].at);
    from[i].odometer = odometer;
  }
  return from;
}

std::string encoded(const rows& from) {
  return std::string(event_block_encoder().encode(tracked(from)));
}

/// @returns nothing if the block is damaged.
std::optional<rows> decoded(timestamp_ms last, std::size_t count, std::string_view bytes) {
  event_block_reader reader;
  rows found;
  if (!reader.open(last, count, bytes))
    return std::nullopt;
  do {
    if (!reader.next())
      return std::nullopt;
    found.insert(found.end(), reader.rows().begin(), reader.rows().end());
  } while (!reader.rows().empty());
  return found;
}

bool same_bits(double left, double right) {
  return std::bit_cast<std::uint64_t>(left) == std::bit_cast<std::uint64_t>(right);
}

/// Encodes and decodes. @returns the bytes.
std::string expect_back(const rows& from) {
  std::string bytes = encoded(from);
  const auto found = decoded(from.back().timestamp, from.size(), bytes);
  EXPECT_TRUE(found);
  if (!found || found->size() != from.size()) {
    ADD_FAILURE() << from.size() << " rows do not come back";
    return bytes;
  }
  for (std::size_t i = 0; i < from.size(); ++i) {
    const event_row& row = (*found)[i];
    EXPECT_EQ(row.timestamp, from[i].timestamp) << i;
    EXPECT_TRUE(same_bits(row.at.x, from[i].at.x)) << i << ": " << row.at.x;
    EXPECT_TRUE(same_bits(row.at.y, from[i].at.y)) << i << ": " << row.at.y;
    EXPECT_TRUE(same_bits(row.odometer, from[i].odometer)) << i << ": " << row.odometer;
  }
  return bytes;
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

/// A walk of which every coordinate has `decimals` digits behind the point at most.
rows walk(std::mt19937_64& random, std::size_t count, unsigned decimals) {
  const double power = std::pow(10.0, decimals);
  const auto below = [&](std::uint64_t bound) {
    return static_cast<std::int64_t>(random() % bound);
  };
  std::int64_t x = below(2'000'000) - 1'000'000;
  std::int64_t y = below(2'000'000) - 1'000'000;
  rows made;
  timestamp_ms at = below(1u << 30);
  for (std::size_t i = 0; i < count; ++i) {
    x += below(401) - 200;
    y += below(4'001) - 2'000;
    at += 1 + below(1'000);
    made.push_back({at, {static_cast<double>(x) / power, static_cast<double>(y) / power}, 0});
  }
  return made;
}

TEST(EventBlockTest, KeepsWalksOfAnyNumberOfDecimals) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (unsigned decimals = 0; decimals <= 16; ++decimals)
    for (const std::size_t count : {1U, 2U, 3U, 32U, 33U, 34U, 35U, 66U, 127U, 128U})
      expect_back(folded(walk(random, count, decimals), decimals * 0.1));
}

TEST(EventBlockTest, KeepsAnyDoubles) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto legal = [&random] {
    for (;;)
      if (const auto value = std::bit_cast<double>(random());
          std::abs(value) <= coordinate_max && !(value == 0 && std::signbit(value)))
        return value;
  };
  for (int round = 0; round < 200; ++round) {
    rows made;
    for (std::uint64_t n = 1 + random() % block_events_max; n > 0; --n)
      made.push_back({static_cast<timestamp_ms>(made.size()), {legal(), legal()}, 0});
    expect_back(folded(made, std::abs(legal())));
  }
}

TEST(EventBlockTest, KeepsExtremes) {
  constexpr double tiny = std::numeric_limits<double>::denorm_min();
  const rows edges{{0, {1e15, -1e15}, 0},
                   {1, {-1e15, 1e15}, 0},
                   {2, {tiny, -tiny}, 0},
                   {timestamp_max - 1, {0.1 + 0.2, 1e15 - 0.125}, 0},
                   {timestamp_max, {4503599627370497.0 / 8, 9.999999999999999}, 0}};
  expect_back(folded(edges));
  for (const event_row& edge : edges)
    expect_back(folded({edge}));
}

TEST(EventBlockTest, KeepsHugeGapsBetweenTimestamps) {
  rows made;
  for (timestamp_ms at = 1; at < timestamp_max; at *= 2)
    made.push_back({at, {1, 2}, 0});
  expect_back(folded(made));
}

TEST(EventBlockTest, KeepsOdometersThatDoNotFollow) {
  std::mt19937_64 random(1);
  rows made = folded(walk(random, 100, 2));
  made[40].odometer = std::nextafter(made[40].odometer, 0);
  expect_back(made);
  EXPECT_LT(encoded(made).size(), 100U * 16) << "only the odometers are written as doubles";
  for (event_row& row : made)
    row.odometer = static_cast<double>(random()) - 1e19;
  expect_back(made);
}

TEST(EventBlockTest, TakesFewBytes) {
  std::mt19937_64 random(2);
  EXPECT_LE(encoded(folded(walk(random, 1, 2), 5)).size(), 20U);
  EXPECT_LE(encoded(folded(walk(random, 128, 2), 5)).size(), 128U * 5);
  rows standing;
  for (timestamp_ms at = 0; at < 128; ++at)
    standing.push_back({at * 1000, {1.25, -3}, 0});
  EXPECT_LE(encoded(folded(standing)).size(), 40U);
}

/// The bytes are stored: a change of them needs a new format version.
TEST(EventBlockTest, WritesTheseBytes) {
  EXPECT_EQ(hex(encoded({{1'600'000'000'000, {-12.34, 5}, 7.5}})), "0201"
                                                                   "0000000000001e40"
                                                                   "a313"
                                                                   "0a");
  EXPECT_EQ(hex(encoded({{1, {0.1, 0.5}, 0}})), "1100"
                                                "02"
                                                "0a");
  // Timestamps 0, 10, 20, 31; x 0, 3, 6, 9 by steps; y standing; odometer 0, 3, 6, 9.
  EXPECT_EQ(
      hex(encoded(folded({{0, {0, 1}, 0}, {10, {3, 1}, 0}, {20, {6, 1}, 0}, {31, {9, 1}, 0}}))),
      "0000"
      "1f"
      "00"
      "02"
      "0014"
      "0006"
      "0000");
  // Differences of timestamps 10, 12, 11 less 10 in two bits each; the last one follows.
  EXPECT_EQ(
      hex(encoded(folded(
          {{0, {0, 0}, 0}, {10, {0, 0}, 0}, {22, {0, 0}, 0}, {33, {0, 0}, 0}, {43, {0, 0}, 0}}))),
      "0000"
      "2b"
      "00"
      "00"
      "0214"
      "18"
      "0000"
      "0000");
  EXPECT_EQ(hex(encoded({{1, {0, 0}, 2}, {3, {0, 0}, 1}})), "0002"
                                                            "02"
                                                            "0000000000000040"
                                                            "00"
                                                            "00"
                                                            "00"
                                                            "00"
                                                            "ffffffffffffff0f");
}

TEST(EventBlockTest, DecodesNoFurtherThanAsked) {
  std::mt19937_64 random(3);
  const rows made = folded(walk(random, 128, 2));
  const std::string bytes = encoded(made);
  event_block_reader reader;
  ASSERT_TRUE(reader.open(made.back().timestamp, made.size(), bytes));
  EXPECT_EQ(reader.first(), made.front().timestamp);
  EXPECT_EQ(reader.last(), made.back().timestamp);
  EXPECT_TRUE(reader.rows().empty());
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.rows().size(), column_group + 1);
  EXPECT_EQ(reader.rows().back(), made[column_group]);
  // A reader is used again, also in the middle of a block.
  ASSERT_TRUE(reader.open(made.back().timestamp, made.size(), bytes));
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.rows().front(), made.front());
}

/// Legal coordinates at and around every boundary of the encoding: 2^k and 2^k/10^d with their
/// neighbours, the largest magnitude, denormals.
std::vector<double> boundary_coordinates() {
  std::vector<double> found{0.0, 1e15, std::numeric_limits<double>::denorm_min(),
                            std::numeric_limits<double>::min(), 90071.99254740991};
  for (int k = 0; k <= 53; ++k)
    for (int d = 0; d <= 15; ++d)
      for (const double offset : {-1.0, -0.5, 0.0, 0.5, 1.0}) {
        const double edge = (std::ldexp(1.0, k) + offset) / std::pow(10.0, d);
        for (const double value : {std::nextafter(edge, 0.0), edge, std::nextafter(edge, 1e300)})
          if (value <= 1e15)
            found.push_back(value);
      }
  for (std::size_t i = found.size(); i-- > 0;)
    if (found[i] != 0) // an event has no -0
      found.push_back(-found[i]);
  return found;
}

TEST(EventBlockTest, BringsBackEveryBoundaryBitForBit) {
  const std::vector<double> coordinates = boundary_coordinates();
  for (const double value : coordinates)
    for (const timestamp_ms at : {timestamp_ms{0}, timestamp_max}) {
      for (const rows& made : {rows{{at, {value, 0.5}, 0}}, rows{{at, {0.5, value}, 0}}}) {
        const auto back = decoded(at, 1, encoded(made));
        ASSERT_TRUE(back) << std::hexfloat << value;
        EXPECT_EQ(*back, made) << std::hexfloat << value;
      }
    }
  // Full blocks, in which one boundary decides how all the others are written.
  for (std::size_t from = 0; from + block_events_max <= coordinates.size();
       from += block_events_max) {
    rows made;
    for (std::size_t i = 0; i < block_events_max; ++i)
      made.push_back({static_cast<timestamp_ms>(i), {coordinates[from + i], 1.25}, 0});
    made = folded(std::move(made));
    const auto back = decoded(made.back().timestamp, made.size(), encoded(made));
    ASSERT_TRUE(back) << from;
    EXPECT_EQ(*back, made) << from;
  }
}

TEST(EventBlockTest, BringsBackFullBlocksAtTheLimitOfIntegers) {
  // The other rows are 0, which any number of decimals can write: the boundary alone decides.
  for (int d = 0; d <= 15; ++d) {
    const double edge = 0x1p53 / std::pow(10.0, d);
    for (const double value : {std::nextafter(edge, 0.0), edge, std::nextafter(edge, 1e300)})
      for (const double x : {value, -value}) {
        if (std::abs(x) > 1e15)
          continue;
        rows made(block_events_max);
        for (std::size_t i = 0; i < made.size(); ++i)
          made[i] = {static_cast<timestamp_ms>(i), {i % 3 == 0 ? x : 0, i % 5 == 0 ? x : 0}, 0};
        made.back().timestamp = timestamp_max;
        expect_back(folded(made));
      }
  }
}

TEST(EventBlockTest, BringsBackOdometersAtEveryBoundary) {
  for (const double value : boundary_coordinates()) {
    if (value < 0)
      continue;
    expect_back({{timestamp_max, {1, 2}, value}});
    expect_back({{0, {1, 2}, value}, {timestamp_max, {1, 2}, std::nextafter(value, 1e300)}});
  }
}

TEST(EventBlockTest, WritesNoIntegerAtTheLimit) {
  // 90071.99254740991 * 10^11 rounds to 2^53, which a reader of an older program refuses.
  for (const double x : {90071.99254740991, -90071.99254740991}) {
    const std::string bytes = encoded({{5, {x, 0}, 0}});
    EXPECT_EQ(bytes[0] & 15, 15) << "the bits of the double, not a decimal";
  }
}

TEST(EventBlockTest, ReadsTheLimitThatOlderEncodersWrote) {
  // 90071.99254740992 as 2^53 / 10^11: zigzag(2^53) = 2^54 in eight bytes of a varint.
  std::string bytes("\x0b\0\x80\x80\x80\x80\x80\x80\x80\x20\0", 11);
  const auto back = decoded(5, 1, bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->front().at.x, 0x1p53 / 1e11);
}

TEST(EventBlockTest, IsWrittenAsPlainDoublesIfItDoesNotReadBack) {
  const rows made = folded({{1, {0.5, 1}, 0}, {2, {1.5, 2}, 0}, {9, {2.5, -4}, 0}});
  const auto plain_only = [](std::span<const track_row> from, std::string_view bytes) noexcept {
    return bytes[0] == '\xff' && reads_back(from, bytes);
  };
  event_block_encoder encoder(plain_only);
  const std::string plain(encoder.encode(tracked(made)));
  EXPECT_LT(encoded(made).size(), plain.size());
  const auto back = decoded(9, 3, plain);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, made);
  const rows one{{7, {0.5, 1}, 0.25}};
  EXPECT_EQ(decoded(7, 1, encoder.encode(tracked(one))), one);
}

TEST(EventBlockTest, GivesNoBytesIfNeitherFormReadsBack) {
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(encoded({{1, {infinite, 1}, 0}}), "") << "the reader takes it for damage";
}

TEST(EventBlockTest, ReadsBackOnlyWhatIsTheSameBitForBit) {
  const rows made = folded({{1, {0.0, 1}, 0}, {2, {1.5, 2}, 0}});
  const std::string bytes = encoded(made);
  EXPECT_TRUE(reads_back(tracked(made), bytes));
  for (const rows& other : {rows{made[0]}, rows{made[0], {3, made[1].at, made[1].odometer}},
                            rows{{1, {-0.0, 1}, 0}, made[1]}, rows{{0, made[0].at, 0}, made[1]},
                            rows{made[0], {2, made[1].at, made[1].odometer + 1}}})
    EXPECT_FALSE(reads_back(tracked(other), bytes));
}

TEST(EventBlockTest, RefusesEveryCutAndEveryByteTooMany) {
  std::mt19937_64 random(4);
  for (const std::size_t count : {1U, 2U, 5U, 40U, 128U}) {
    const rows made = folded(walk(random, count, 3), 1);
    const std::string bytes = encoded(made);
    const timestamp_ms last = made.back().timestamp;
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(decoded(last, count, std::string(bytes, 0, size))) << size;
    EXPECT_FALSE(decoded(last, count, bytes + '\0'));
    EXPECT_FALSE(decoded(last, count + 1, bytes));
    EXPECT_FALSE(decoded(last, 0, bytes));
    EXPECT_FALSE(decoded(-1, count, bytes));
    EXPECT_FALSE(decoded(timestamp_max + 1, count, bytes));
  }
}

TEST(EventBlockTest, RefusesNumbersThatNoEventHas) {
  const std::string one = encoded({{5, {1, 1}, 3}});
  std::string newer = one;
  newer[1] = 3;
  EXPECT_FALSE(decoded(5, 1, newer));
  std::string not_a_number = "\xff" + std::string(1, '\0') + std::string(16, '\xff');
  EXPECT_FALSE(decoded(5, 1, not_a_number));
  // A span beyond the epoch; a step of timestamps backwards; an integer that is no double.
  EXPECT_FALSE(decoded(5, 2, std::string("\0\0\6\0\0\0\0", 7)));
  EXPECT_TRUE(decoded(6, 2, std::string("\0\0\6\0\0\0\0", 7)));
  EXPECT_FALSE(decoded(6, 3, std::string("\0\0\6\0\0\1\0\0\0\0", 10)));
  EXPECT_FALSE(decoded(5, 1, std::string("\0\0\x80\x80\x80\x80\x80\x80\x80\x80\1\0", 12)));
  EXPECT_FALSE(decoded(5, 1, std::string("\0\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0\0", 14)));
}

} // namespace
} // namespace telemetry::rocks
