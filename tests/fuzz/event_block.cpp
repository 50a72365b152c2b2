// A damaged block of events: no input may crash the decoder or have it read elsewhere, and what it
// accepts are rows in order, which encoded again come back bit for bit.
// The first byte of an input is the number of events, the next eight the last timestamp.

#include "storage/rocksdb/event_block.hpp"
#include "core/robot_track.hpp"
#include "tests/fuzz/require.hpp"

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

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
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
