#include "net/producer_pace.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <tuple>

namespace telemetry::net {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::chrono_literals;
using time_point = producer_pace::time_point;

constexpr milliseconds interval{4};
constexpr microseconds commit{600}; // from a read to its answer

/// A server that reads one connection, at once or at the ends of intervals as its pace says. Its
/// producer's bytes are in one message each.
struct connection {
  /// When bytes that arrive at `arrival` are read.
  [[nodiscard]] time_point read_time(time_point arrival) const {
    if (!pace.may_gather())
      return arrival;
    const auto since_start = duration_cast<microseconds>(arrival.time_since_epoch());
    return time_point{(since_start / interval + 1) * interval};
  }
  void read(time_point when, std::size_t lines) {
    ++reads;
    gathered += pace.may_gather() ? 1 : 0;
    pace.note_read(when, lines);
  }

  producer_pace pace{interval};
  std::size_t reads = 0;
  std::size_t gathered = 0; ///< of the reads
};

/// Messages of a producer that sends one every `period` from `start` on, without waiting.
/// @returns the time of the last read
time_point send_at_own_pace(connection& to, microseconds period, int messages,
                            time_point start = time_point{1s}) {
  auto answered = start;
  for (int sent = 0; sent < messages;) {
    const auto read = to.read_time(start + sent * period);
    std::size_t lines = 0;
    for (; sent < messages && start + sent * period <= read; ++sent)
      ++lines;
    if (answered + commit <= read) { // an answer in between
      to.pace.note_answer(answered + commit);
      answered = read;
    }
    to.read(read, lines);
    start = std::max(start, read - sent * period); // no two reads at one time
  }
  return start + messages * period;
}

/// Messages of a producer that sends the next `round_trip` after the answer, until `end`.
/// @returns how many
std::size_t send_and_wait(connection& to, microseconds round_trip, std::size_t lines,
                          time_point start, time_point end) {
  std::size_t messages = 0;
  for (auto arrival = start; arrival < end; ++messages) {
    const auto read = to.read_time(arrival);
    to.read(read, lines);
    to.pace.note_answer(read + commit);
    arrival = read + commit + round_trip;
  }
  return messages;
}

class PacedProducerTest : public testing::TestWithParam<microseconds> {};

TEST_P(PacedProducerTest, IsGathered) {
  connection one;
  const auto end = send_at_own_pace(one, GetParam(), 20'000);
  EXPECT_GE(one.gathered, one.reads * 8 / 10) << one.reads;
  const auto [reads, gathered] = std::pair{one.reads, one.gathered};
  send_at_own_pace(one, GetParam(), 20'000, end);
  EXPECT_GE(one.gathered - gathered, (one.reads - reads) * 97 / 100) << "comparisons become rare";
}

INSTANTIATE_TEST_SUITE_P(Periods, PacedProducerTest,
                         testing::Values(640us, 1'280us, 2'000us, 2'500us, 3'200us, 4'000us,
                                         6'000us, 8'000us, 12'800us, 100'000us, 1'000'000us));

class WaitingProducerTest
    : public testing::TestWithParam<std::tuple<microseconds, std::size_t, double>> {};

TEST_P(WaitingProducerTest, KeepsItsSpeed) {
  const auto [round_trip, lines, least] = GetParam();
  connection one;
  const auto messages = send_and_wait(one, round_trip, lines, time_point{1s}, time_point{11s});
  const auto undelayed = duration_cast<microseconds>(10s) / (commit + round_trip);
  EXPECT_GE(static_cast<double>(messages), least * static_cast<double>(undelayed));
}

INSTANTIATE_TEST_SUITE_P(RoundTripsAndLines, WaitingProducerTest,
                         testing::Values(std::tuple{50us, 1u, 0.98}, std::tuple{300us, 1u, 0.98},
                                         std::tuple{1'500us, 1u, 0.97},
                                         std::tuple{3'000us, 1u, 0.85},
                                         std::tuple{8'000us, 1u, 0.65}, std::tuple{300us, 4u, 0.98},
                                         std::tuple{50us, 100u, 1.0},
                                         std::tuple{5'000us, 100u, 1.0}));

TEST(ProducerPaceTest, NoticesThatAProducerBeginsToWait) {
  connection one;
  const auto end = send_at_own_pace(one, 100ms, 100);
  ASSERT_TRUE(one.pace.may_gather());
  send_and_wait(one, 300us, 1, end, end + 100ms);
  EXPECT_FALSE(one.pace.may_gather());
  const auto messages = send_and_wait(one, 300us, 1, end + 100ms, end + 1100ms);
  EXPECT_GE(messages, 1'000'000u / 900 * 95 / 100);
}

TEST(ProducerPaceTest, NoticesThatAProducerDoesNotWaitAnyMore) {
  connection one;
  send_and_wait(one, 300us, 1, time_point{1s}, time_point{2s});
  ASSERT_LT(one.gathered, one.reads / 20);
  send_at_own_pace(one, 10ms, 30'000, time_point{2s});
  EXPECT_TRUE(one.pace.may_gather());
}

TEST(ProducerPaceTest, GathersNothingWithoutAnInterval) {
  producer_pace pace(0ms);
  for (int i = 1; i < 1'000; ++i) {
    pace.note_read(time_point{i * 1s}, 1);
    EXPECT_FALSE(pace.may_gather());
  }
}

} // namespace
} // namespace telemetry::net
