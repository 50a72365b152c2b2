#include "net/rest/gzip.hpp"

#include "tests/support/gzip.hpp"

#include <gtest/gtest.h>

#include <random>

namespace telemetry::net {
namespace {

using state = gzip_reader::state;
using test::packed;
using test::unpacked;

constexpr std::size_t step_bytes = 1'000;

/// The state that a body ends in.
state end_of(std::string body, std::size_t bytes_max = 1u << 20) {
  gzip_reader reader(std::move(body), bytes_max);
  auto now = state::partial;
  while (now == state::partial)
    now = reader.advance(step_bytes);
  return now;
}

std::string noise(std::size_t bytes) {
  std::mt19937 random(7);
  std::string text(bytes, '\0');
  for (char& c : text)
    c = static_cast<char>(random());
  return text;
}

TEST(GzipTest, ReadsBackWhatItWrites) {
  for (const auto& text :
       {std::string(), std::string("a"), std::string(1'000'000, 'x'), noise(100'000)})
    EXPECT_EQ(unpacked(packed(text)), text);
}

TEST(GzipTest, WritesPiecesOfWhichEachCanBeReadAtOnce) {
  gzip_writer writer;
  std::string out;
  std::string text;
  for (const std::string piece : {"first ", "second ", "third"}) {
    writer.append(piece, false, out);
    text += piece;
    gzip_reader reader(out, 1'000);
    EXPECT_EQ(reader.advance(step_bytes), state::partial);
    EXPECT_EQ(reader.text(), text);
    EXPECT_EQ(reader.advance(step_bytes), state::malformed) << "it is cut";
  }
  writer.append("", true, out);
  EXPECT_EQ(unpacked(out), text);
}

TEST(GzipTest, ReadsSeveralMembersAsOneText) {
  EXPECT_EQ(unpacked(packed("1,2,3,a\n") + packed("") + packed("1,2,4,a\n")), "1,2,3,a\n1,2,4,a\n");
}

TEST(GzipTest, RefusesWhatIsCutDamagedOrNoGzip) {
  const std::string good = packed(noise(3'000));
  EXPECT_EQ(end_of(good), state::whole);
  for (std::size_t size = 0; size < good.size(); size += size < 20 ? 1 : 97)
    EXPECT_EQ(end_of(good.substr(0, size)), state::malformed) << size;
  EXPECT_EQ(end_of(good.substr(0, good.size() - 1)), state::malformed);
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{2}, good.size() / 2, good.size() - 8, good.size() - 1}) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    EXPECT_EQ(end_of(damaged), state::malformed) << at;
  }
  EXPECT_EQ(end_of(good + "x"), state::malformed);
  EXPECT_EQ(end_of("1,2,3,a\n"), state::malformed);
}

TEST(GzipTest, StopsABombAtItsLimit) {
  constexpr std::size_t bytes_max = 100'000;
  EXPECT_EQ(end_of(packed(std::string(bytes_max, 'x')), bytes_max), state::whole);
  EXPECT_EQ(end_of(packed(std::string(bytes_max + 1, 'x')), bytes_max), state::too_large);
  gzip_reader reader(packed(std::string(50'000'000, 'x')), bytes_max);
  auto now = state::partial;
  while (now == state::partial) {
    const std::size_t before = reader.text().size();
    now = reader.advance(step_bytes);
    EXPECT_LE(reader.text().size(), before + step_bytes);
  }
  EXPECT_EQ(now, state::too_large);
  EXPECT_LE(reader.text().size(), bytes_max + 1);
}

TEST(GzipTest, DoesNotMoveALongTextWhileItGrows) {
  constexpr std::size_t step = 64u << 10;
  gzip_reader reader(packed(std::string(4u << 20, 'x')), 8u << 20);
  reader.advance(step);
  reader.advance(step);
  const auto* const place = reader.text().data();
  while (reader.advance(step) == state::partial)
    ;
  EXPECT_EQ(reader.text().size(), 4u << 20);
  EXPECT_EQ(reader.text().data(), place);
}

TEST(GzipTest, ReadsManyEmptyMembersInSteps) {
  std::string members;
  const std::string empty = packed("");
  for (int i = 0; i < 1'000; ++i)
    members += empty;
  gzip_reader reader(members, 100);
  std::size_t steps = 1;
  while (reader.advance(10 * empty.size()) == state::partial)
    ++steps;
  EXPECT_EQ(steps, 100u);
}

} // namespace
} // namespace telemetry::net
