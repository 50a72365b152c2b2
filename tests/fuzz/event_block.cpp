// A damaged block of events: no input may crash the decoder or have it read elsewhere, and what it
// accepts are rows in order, which encoded again come back bit for bit. The other way round, any
// rows with legal numbers have to come back from their block. The first byte of an input is the
// number of events, the next eight the last timestamp.

#include "storage/rocksdb/event_block.hpp"
#include "core/odometer.hpp"
#include "core/robot_track.hpp"
#include "tests/fuzz/require.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

namespace {

using namespace telemetry;

std::optional<std::vector<event_row>> decode(timestamp_ms last, std::size_t count,
                                             std::string_view bytes) {
  rocks::event_block_reader reader;
  if (!reader.open(last, count, bytes))
    return std::nullopt;
  std::vector<event_row> rows;
  do {
    if (!reader.next())
      return std::nullopt;
    rows.insert(rows.end(), reader.rows().begin(), reader.rows().end());
  } while (!reader.rows().empty());
  fuzz::require(rows.size() == count && rows.front().timestamp == reader.first() &&
                rows.back().timestamp == last);
  return rows;
}

/// From values to bytes and back. Each 32 bytes of the input are a row: by how much its timestamp
/// is above the one before it, x, y, odometer. Of the first byte, bit 0 has the odometers follow
/// from the positions, and bits 1 to 4 round the positions to so many decimals.
void write_and_read(std::string_view input) {
  if (input.empty())
    return;
  const auto how = static_cast<unsigned char>(input[0]);
  input.remove_prefix(1);
  const double power = std::pow(10.0, how >> 1 & 0xF);
  std::vector<track_row> rows;
  timestamp_ms before = -1;
  for (; input.size() >= 32 && rows.size() < rocks::block_events_max; input.remove_prefix(32)) {
    std::uint64_t step = 0;
    double numbers[3];
    std::memcpy(&step, input.data(), 8);
    std::memcpy(numbers, input.data() + 8, sizeof numbers);
    if (before == timestamp_max)
      break;
    const auto room = static_cast<std::uint64_t>(timestamp_max - before);
    event_row row{
        before + 1 + static_cast<timestamp_ms>(step % room), {numbers[0], numbers[1]}, numbers[2]};
    if ((how >> 5) != 0)
      row.at = {std::round(row.at.x * power) / power, std::round(row.at.y * power) / power};
    for (double* const number : {&row.at.x, &row.at.y})
      if (!(std::abs(*number) <= coordinate_max))
        *number = 0;
    if (!std::isfinite(row.odometer))
      row.odometer = 0;
    if ((how & 1) != 0 && !rows.empty())
      row.odometer = odometer_after(rows.back().event.odometer, rows.back().event.at, row.at);
    if (!std::isfinite(row.odometer))
      return; // no such path: a coordinate is 1e15 at most, an odometer far from the largest double
    before = row.timestamp;
    rows.push_back({row, 0, 0});
  }
  if (rows.empty())
    return;
  // The first form must do. Plain doubles are for bugs, and this would be one.
  rocks::event_block_encoder encoder([](auto, auto) noexcept { return true; });
  fuzz::require(rocks::reads_back(rows, encoder.encode(rows)));
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  write_and_read({reinterpret_cast<const char*>(data), size});
  constexpr std::size_t head = 1 + sizeof(timestamp_ms);
  if (size < head)
    return 0;
  timestamp_ms last = 0;
  std::memcpy(&last, data + 1, sizeof last);
  // In memory of its own, so that a read beyond it is seen.
  const auto bytes = std::make_unique<char[]>(size - head);
  std::memcpy(bytes.get(), data + head, size - head);
  const auto rows = decode(last, data[0], {bytes.get(), size - head});
  if (!rows)
    return 0;
  std::vector<track_row> tracked;
  for (const event_row& row : *rows) {
    fuzz::require(tracked.empty() || tracked.back().event.timestamp < row.timestamp);
    tracked.push_back({row, 0, 0});
  }
  rocks::event_block_encoder encoder;
  const auto again = decode(last, rows->size(), encoder.encode(tracked));
  fuzz::require(again.has_value());
  for (std::size_t i = 0; i < rows->size(); ++i)
    fuzz::require(std::memcmp(&(*again)[i], &(*rows)[i], sizeof(event_row)) == 0);
  return 0;
}
