// Cost per event of everything in core/: parse, encode, decode, offer, checkpoint, number output.
// Input: generated (fixed seed 1), 42-byte lines as a robot sends them, 4096 of them in turn.

#include "core/event_codec.hpp"
#include "core/line.hpp"
#include "core/name_hash.hpp"
#include "core/number.hpp"
#include "core/robot_track.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace telemetry {
namespace {

constexpr std::size_t lines_count = 4096;
constexpr std::int64_t window_ms = 1000;

/// Lines with positions of `digits` decimals, e.g. "-12.345,678.901,1700000000123,robot-0042".
std::vector<std::string> make_lines(int digits) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> coordinate(-1000, 1000);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < lines_count; ++i) {
    char buffer[128];
    std::snprintf(buffer, sizeof buffer, "%.*f,%.*f,%lld,robot-%04zu", digits, coordinate(random),
                  digits, coordinate(random), 1700000000000LL + static_cast<long long>(i),
                  i % 1000);
    lines.emplace_back(buffer);
  }
  return lines;
}

/// The argument is the number of decimals of a position: 3 is typical, 17 what repr() writes.
void parse_line_of_robot(benchmark::State& state) {
  const auto lines = make_lines(static_cast<int>(state.range(0)));
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    auto event = parse_line(lines[i++ % lines_count]);
    benchmark::DoNotOptimize(event);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse_line_of_robot)->Arg(1)->Arg(3)->Arg(6)->Arg(14);

void parse_malformed_line(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    auto event = parse_line("1.5,2.5,oops,robot-0042");
    benchmark::DoNotOptimize(event);
  }
}
BENCHMARK(parse_malformed_line);

void encode_one_event(benchmark::State& state) {
  const event_view event{{1.5, -2.5}, 1700000000123, "robot-0042"};
  std::string out;
  out.reserve(1 << 16);
  for ([[maybe_unused]] auto _ : state) {
    if (out.size() > (1 << 15)) {
      out.clear();
    }
    encode_event(out, event);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(encode_one_event);

void decode_one_event(benchmark::State& state) {
  std::string bytes;
  for (const auto& line : make_lines(3)) {
    encode_event(bytes, *parse_line(line));
  }
  std::string_view rest;
  for ([[maybe_unused]] auto _ : state) {
    if (rest.empty()) {
      rest = bytes;
    }
    auto event = decode_event(rest);
    benchmark::DoNotOptimize(event);
  }
}
BENCHMARK(decode_one_event);

void hash_one_name(benchmark::State& state) {
  const std::string name = "robot-0042";
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(shard_of(name_hash(name), 8));
  }
}
BENCHMARK(hash_one_name);

/// Offers in order to `robots` robots in turn, 1 event per robot and ms; a checkpoint takes and
/// releases the sealed rows of every robot each 1000 events of it. Steady state.
void offer_in_order(benchmark::State& state) {
  const auto robots = static_cast<std::size_t>(state.range(0));
  std::vector<robot_track> tracks(robots);
  batch_stamp stamp{1, 0, 0, 0};
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    if (i == robots) {
      i = 0;
      ++stamp.batch_no;
      stamp.arrival_ms += 1;
      stamp.horizon_ms = stamp.arrival_ms - window_ms;
    }
    robot_track& track = tracks[i++];
    const auto t = static_cast<timestamp_ms>(stamp.batch_no);
    benchmark::DoNotOptimize(track.offer(t, {double(t % 1000), double(t % 77)}, stamp));
    if (track.rows() >= 2 * window_ms && track.take().rows) {
      track.release();
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(offer_in_order)->Arg(1)->Arg(100)->Arg(1000);

/// Each pair of events of one robot comes swapped: half of them fold one event again.
void offer_swapped_pairs(benchmark::State& state) {
  robot_track track;
  batch_stamp stamp{0, 0, 0, 0};
  for ([[maybe_unused]] auto _ : state) {
    stamp.arrival_ms = static_cast<std::int64_t>(++stamp.batch_no);
    stamp.horizon_ms = stamp.arrival_ms - window_ms;
    const auto t = static_cast<timestamp_ms>(stamp.batch_no ^ 1);
    benchmark::DoNotOptimize(track.offer(t, {double(t % 1000), double(t % 77)}, stamp));
    if (track.rows() >= 2 * window_ms && track.take().rows) {
      track.release();
    }
  }
}
BENCHMARK(offer_swapped_pairs);

/// Offers `events` to one robot within one window, then a checkpoint takes and releases them.
/// Order 0 rises, 1 falls, 2 is random, 3 is two producers in turn, the second half a window
/// behind.
void offer_in_any_order(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(1));
  std::vector<timestamp_ms> order(count);
  std::iota(order.begin(), order.end(), 1);
  if (state.range(0) == 1) {
    std::reverse(order.begin(), order.end());
  } else if (state.range(0) == 2) {
    std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  } else if (state.range(0) == 3) {
    for (std::size_t i = 0; i < count; ++i) {
      order[i] = static_cast<timestamp_ms>(i / 2 + (i % 2 == 0 ? count / 2 : 0) + 1);
    }
  }
  robot_track track;
  batch_stamp stamp{1, 0, -window_ms, 0};
  timestamp_ms base = 0;
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    if (i == count) {
      i = 0;
      base += static_cast<timestamp_ms>(count);
      track.seal(stamp.arrival_ms);
      if (track.take().rows) {
        track.release();
      }
      stamp = {stamp.batch_no + 1, stamp.arrival_ms + window_ms, stamp.arrival_ms, 0};
    }
    const timestamp_ms t = base + order[i++];
    benchmark::DoNotOptimize(track.offer(t, {double(t % 1000), double(t % 77)}, stamp));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(offer_in_any_order)->ArgsProduct({{0, 1, 2, 3}, {100, 1000, 10000}});

/// A re-sent event: found by binary search among 2000 rows.
void offer_duplicate(benchmark::State& state) {
  robot_track track;
  for (std::int64_t t = 1; t <= 2000; ++t) {
    static_cast<void>(track.offer(t, {1, 2}, {1, t, t - window_ms, 0}));
  }
  const batch_stamp stamp{2, 2000, 1000, 0};
  timestamp_ms t = 0;
  for ([[maybe_unused]] auto _ : state) {
    t = t % 2000 + 1;
    benchmark::DoNotOptimize(track.offer(t, {1, 2}, stamp));
  }
}
BENCHMARK(offer_duplicate);

/// Per robot: first event, seal, take, release, as in a sweep over many robots with little to do.
void checkpoint_of_one_row(benchmark::State& state) {
  const robot_state stored{5, {1, 2}, 3, 4, 5, 6};
  for ([[maybe_unused]] auto _ : state) {
    robot_track track(stored);
    static_cast<void>(track.offer(10, {2, 3}, {1, 0, -window_ms, 7}));
    track.seal(0);
    benchmark::DoNotOptimize(track.take());
    track.release();
  }
}
BENCHMARK(checkpoint_of_one_row);

void append_one_double(benchmark::State& state) {
  std::string out;
  double value = 0.1;
  for ([[maybe_unused]] auto _ : state) {
    out.clear();
    append_double(out, value += 0.001);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(append_one_double);

} // namespace
} // namespace telemetry
