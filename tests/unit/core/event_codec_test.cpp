#include "core/event_codec.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace telemetry {
namespace {

std::string encoded(const event_view& event) {
  std::string bytes;
  encode_event(bytes, event);
  return bytes;
}

/// Whether `bytes` are refused and left alone.
bool is_damage(const std::string& bytes) {
  std::string_view rest = bytes;
  return !decode_event(rest) && rest.data() == bytes.data() && rest.size() == bytes.size();
}

/// `bytes` with the eight at `offset` replaced by `value`.
template <class T>
std::string with(std::string bytes, std::size_t offset, T value) {
  bytes.replace(offset, sizeof value, reinterpret_cast<const char*>(&value), sizeof value);
  return bytes;
}

const event_view sample{{1.5, -2.25}, 1700000000123, "ab"};
constexpr std::size_t timestamp_at = 4; // after the length and the name of `sample`
constexpr std::size_t x_at = timestamp_at + 8;
constexpr std::size_t y_at = x_at + 8;

TEST(EventCodecTest, BytesArePinnedBecauseJournalsHoldThem) {
  const std::string expected("\x02\x00"
                             "ab"
                             "\x7b\x68\xe5\xcf\x8b\x01\x00\x00"  // 1700000000123
                             "\x00\x00\x00\x00\x00\x00\xf8\x3f"  // 1.5
                             "\x00\x00\x00\x00\x00\x00\x02\xc0", // -2.25
                             28);
  EXPECT_EQ(encoded(sample), expected);
  EXPECT_EQ(encoded_size(2), expected.size());
}

TEST(EventCodecTest, GivesBackEverySequenceOfEvents) {
  const unsigned seed = 20261123;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::vector<std::string> names;
  std::vector<event_view> events;
  for (int i = 0; i < 2000; ++i) {
    names.push_back(std::string(1 + random() % 150, static_cast<char>('a' + random() % 26)));
  }
  names.front().clear();
  for (int i = 0; i < 150; ++i) {
    names.front() += "😀"; // the longest name in bytes
  }
  std::uniform_real_distribution<double> coordinate(-coordinate_max, coordinate_max);
  std::string bytes;
  for (const std::string& name : names) {
    const auto timestamp = static_cast<timestamp_ms>(random() % (timestamp_max + 1));
    events.push_back({{coordinate(random), coordinate(random)}, timestamp, name});
    encode_event(bytes, events.back());
  }
  std::string_view rest = bytes;
  for (const event_view& event : events) {
    const auto decoded = decode_event(rest);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->at, event.at);
    EXPECT_EQ(decoded->timestamp, event.timestamp);
    EXPECT_EQ(decoded->robot, event.robot);
  }
  EXPECT_TRUE(rest.empty());
}

TEST(EventCodecTest, KeepsTheLimits) {
  for (const event_view& event :
       {event_view{{coordinate_max, -coordinate_max}, timestamp_max, "a"},
        event_view{{0, std::numeric_limits<double>::denorm_min()}, 0, "a"}}) {
    const std::string bytes = encoded(event);
    std::string_view rest = bytes;
    const auto decoded = decode_event(rest);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->at, event.at);
    EXPECT_EQ(decoded->timestamp, event.timestamp);
  }
}

/// Legal coordinates at and around 2^k and 2^k/10^d, the largest magnitude, and denormals.
std::vector<double> boundary_coordinates() {
  std::vector<double> found{0, std::nextafter(coordinate_max, 0), coordinate_max};
  for (int k = -1074; k <= 53; ++k)
    for (int d = 0; d <= 15; d = k < 0 ? 16 : d + 1) {
      const double edge = std::ldexp(1.0, k) / std::pow(10.0, d);
      for (const double value : {std::nextafter(edge, 0), edge, std::nextafter(edge, 1e300)})
        if (value != 0 && value <= coordinate_max)
          found.insert(found.end(), {value, -value});
    }
  found.push_back(-coordinate_max);
  return found;
}

TEST(EventCodecTest, GivesBackEveryBoundaryBitForBit) {
  const auto bits = [](double value) { return std::bit_cast<std::uint64_t>(value); };
  for (const double value : boundary_coordinates())
    for (const timestamp_ms timestamp : {timestamp_ms{0}, timestamp_ms{1}, timestamp_max})
      for (const position at : {position{value, 0.5}, position{0.5, value}}) {
        const std::string bytes = encoded({at, timestamp, "r"});
        std::string_view rest = bytes;
        const auto back = decode_event(rest);
        ASSERT_TRUE(back) << std::hexfloat << value;
        EXPECT_TRUE(rest.empty());
        EXPECT_EQ(bits(back->at.x), bits(at.x)) << std::hexfloat << value;
        EXPECT_EQ(bits(back->at.y), bits(at.y)) << std::hexfloat << value;
        EXPECT_EQ(back->timestamp, timestamp);
      }
}

TEST(EventCodecTest, RefusesEveryTruncation) {
  const std::string bytes = encoded(sample);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(is_damage(bytes.substr(0, size))) << size;
  }
}

TEST(EventCodecTest, LeavesWhatFollowsTheEvent) {
  const std::string bytes = encoded(sample) + "x";
  std::string_view rest = bytes;
  EXPECT_TRUE(decode_event(rest));
  EXPECT_EQ(rest, "x");
}

TEST(EventCodecTest, RefusesIllegalEvents) {
  const std::string bytes = encoded(sample);
  ASSERT_FALSE(is_damage(bytes));
  EXPECT_TRUE(is_damage(with(bytes, timestamp_at, std::int64_t{-1})));
  EXPECT_TRUE(is_damage(with(bytes, timestamp_at, timestamp_max + 1)));
  for (const std::size_t offset : {x_at, y_at}) {
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -0.0,
          1.0000000000000002e15, -1e300}) {
      EXPECT_TRUE(is_damage(with(bytes, offset, bad))) << offset << " " << bad;
    }
  }
  EXPECT_TRUE(is_damage(with(bytes, 2, ',')));
  EXPECT_TRUE(is_damage(with(bytes, 3, '\n')));
  EXPECT_TRUE(is_damage(with(bytes, 3, '\xC3')));
}

TEST(EventCodecTest, RefusesNamesOfIllegalLength) {
  EXPECT_TRUE(is_damage(std::string("\0\0", 2) + std::string(24, '\0')));
  std::string longer = encoded({{0, 0}, 0, std::string_view("aaaaaaaaaa")});
  EXPECT_TRUE(is_damage(with(longer, 0, std::uint16_t{11})));
  const std::string name(151, 'a');
  std::string bytes(2, '\0');
  bytes = with(bytes, 0, static_cast<std::uint16_t>(name.size())) + name + std::string(24, '\0');
  EXPECT_TRUE(is_damage(bytes));
}

} // namespace
} // namespace telemetry
