// Cost of the encoding of event blocks alone: per event, by events of a block.
//
// Data: walks in centimetres, an event a second (bench/macro/fleet), or doubles of all digits.

#include "core/odometer.hpp"
#include "storage/rocksdb/event_block.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace telemetry {
namespace {

enum data : std::int64_t { walk = 0, random_doubles = 1 };

std::vector<track_row> make_rows(std::size_t count, std::int64_t which) {
  std::mt19937_64 random(1);
  std::vector<track_row> rows;
  event_row row{1'600'000'000'000, {0, 0}, 0};
  std::int64_t x = 123'456;
  std::int64_t y = -98'765;
  for (std::size_t i = 0; i < count; ++i) {
    const position from = row.at;
    x += static_cast<std::int64_t>(random() % 401) - 200;
    y += static_cast<std::int64_t>(random() % 401) - 200;
    row.timestamp += 900 + static_cast<timestamp_ms>(random() % 200);
    row.at = {static_cast<double>(x) / 100, static_cast<double>(y) / 100};
    if (which == random_doubles)
      row.at = {row.at.x + static_cast<double>(random()) * 0x1p-70, static_cast<double>(y) / 3};
    row.odometer = odometer_after(row.odometer, from, row.at);
    rows.push_back({row, 1, 0});
  }
  return rows;
}

/// Blocks of `state.range(0)` events, in bytes.
std::vector<std::pair<timestamp_ms, std::string>> encode_all(const std::vector<track_row>& rows,
                                                             std::size_t each) {
  rocks::event_block_encoder encoder;
  std::vector<std::pair<timestamp_ms, std::string>> blocks;
  for (std::size_t i = 0; i + each <= rows.size(); i += each)
    blocks.emplace_back(rows[i + each - 1].event.timestamp,
                        encoder.encode({rows.data() + i, each}));
  return blocks;
}

constexpr std::size_t rows_made = 1 << 14;

void encode_block(benchmark::State& state) {
  const auto each = static_cast<std::size_t>(state.range(0));
  const std::vector<track_row> rows = make_rows(rows_made, state.range(1));
  rocks::event_block_encoder encoder;
  std::size_t at = 0;
  double bytes = 0;
  for (auto _ : state) {
    if (at + each > rows.size())
      at = 0;
    const std::string_view block = encoder.encode({rows.data() + at, each});
    benchmark::DoNotOptimize(block.data());
    bytes += static_cast<double>(block.size());
    at += each;
  }
  const double events = static_cast<double>(state.iterations()) * static_cast<double>(each);
  state.counters["bytes"] = bytes / events;
  state.counters["per_event"] =
      benchmark::Counter(events, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(encode_block)->ArgsProduct({{1, 2, 5, 16, 64, 128}, {walk, random_doubles}});

void decode_block(benchmark::State& state) {
  const auto each = static_cast<std::size_t>(state.range(0));
  const auto blocks = encode_all(make_rows(rows_made, state.range(1)), each);
  std::size_t at = 0;
  for (auto _ : state) {
    rocks::event_block_reader reader;
    bool whole = reader.open(blocks[at].first, each, blocks[at].second);
    double sum = 0;
    do {
      whole = whole && reader.next();
      for (const event_row& row : reader.rows())
        sum += row.odometer;
    } while (whole && !reader.rows().empty());
    if (!whole)
      state.SkipWithError("damaged");
    benchmark::DoNotOptimize(sum);
    at = at + 1 == blocks.size() ? 0 : at + 1;
  }
  state.counters["per_event"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(each),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(decode_block)->ArgsProduct({{1, 2, 5, 16, 64, 128}, {walk, random_doubles}});

/// What encode_block takes more since blocks are read back before they are stored.
void read_block_back(benchmark::State& state) {
  const auto each = static_cast<std::size_t>(state.range(0));
  const std::vector<track_row> rows = make_rows(rows_made, state.range(1));
  const auto blocks = encode_all(rows, each);
  std::size_t at = 0;
  for (auto _ : state) {
    if (!rocks::reads_back({rows.data() + at * each, each}, blocks[at].second))
      state.SkipWithError("differs");
    at = at + 1 == blocks.size() ? 0 : at + 1;
  }
  state.counters["per_event"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(each),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(read_block_back)->ArgsProduct({{1, 2, 5, 16, 64, 128}, {walk, random_doubles}});

} // namespace
} // namespace telemetry
