#pragma once

#include "core/robot_state.hpp"
#include "storage/event_store.hpp"
#include "storage/row_check.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

/// Keys and values in RocksDB (ADR 0010). Keys are big-endian, so that their byte order is their
/// numeric order. Values are little-endian and of fixed size, except blocks of events.
namespace telemetry::rocks {

static_assert(std::endian::native == std::endian::little,
              "values are stored as they lie in memory");

/// Bytes of a fixed-size key or value.
template <std::size_t Size>
struct fixed_bytes {
  std::array<char, Size> bytes{};
  [[nodiscard]] std::string_view view() const noexcept { return {bytes.data(), Size}; }
};

inline void put_big_endian(char* to, std::uint64_t value) noexcept {
  const std::uint64_t swapped = __builtin_bswap64(value);
  std::memcpy(to, &swapped, sizeof swapped);
}

[[nodiscard]] inline std::uint64_t take_big_endian(const char* from) noexcept {
  std::uint64_t swapped = 0;
  std::memcpy(&swapped, from, sizeof swapped);
  return __builtin_bswap64(swapped);
}

/// Appends numbers of 8 bytes or fewer to a value of fixed size, one after another.
class field_writer {
public:
  explicit field_writer(char* to) noexcept : to_(to) {}
  template <class Number>
  field_writer& put(Number number) noexcept {
    std::memcpy(to_, &number, sizeof number);
    to_ += sizeof number;
    return *this;
  }

private:
  char* to_;
};

/// Reads the numbers of field_writer. @pre as many bytes as were written.
class field_reader {
public:
  explicit field_reader(const char* from) noexcept : from_(from) {}
  template <class Number>
  field_reader& take(Number& number) noexcept {
    std::memcpy(&number, from_, sizeof number);
    from_ += sizeof number;
    return *this;
  }

private:
  const char* from_;
};

/// Events, in blocks: (robot id, last timestamp << 8 | 256 - count) -> the block (event_block.hpp).
/// Timestamps are never negative and below 2^53. The key has the last timestamp, so that one seek
/// finds the first block that ends at or after a timestamp. The largest of blocks with the same end
/// comes first.
using event_key = fixed_bytes<16>;

struct block_key {
  robot_id robot;
  timestamp_ms last;
  std::size_t count;
};

[[nodiscard]] inline event_key make_event_key(const block_key& block) noexcept {
  event_key key;
  put_big_endian(key.bytes.data(), block.robot);
  put_big_endian(key.bytes.data() + 8,
                 (static_cast<std::uint64_t>(block.last) << 8) + (256 - block.count));
  return key;
}

/// At or below the keys of all blocks of `robot` that end at or after `at`; above its other keys.
[[nodiscard]] inline event_key make_seek_key(robot_id robot, timestamp_ms at) noexcept {
  return make_event_key({robot, at, 256});
}

/// @returns nullopt if the size is wrong (damage).
[[nodiscard]] inline std::optional<block_key> read_event_key(std::string_view key) noexcept {
  if (key.size() != sizeof(event_key))
    return std::nullopt;
  const std::uint64_t end = take_big_endian(key.data() + 8);
  return block_key{take_big_endian(key.data()), static_cast<timestamp_ms>(end >> 8),
                   256 - static_cast<std::size_t>(end & 0xFF)};
}

/// Robots: name -> (id, state).
using robot_value = fixed_bytes<64>;

[[nodiscard]] inline robot_value make_robot_value(robot_id id, const robot_state& state) noexcept {
  robot_value value;
  field_writer(value.bytes.data())
      .put(id)
      .put(state.last_timestamp)
      .put(state.last.x)
      .put(state.last.y)
      .put(state.odometer)
      .put(state.events)
      .put(state.created)
      .put(state.updated);
  return value;
}

/// @returns nullopt if the size is wrong or a number is illegal (damage).
[[nodiscard]] inline std::optional<robot_row> read_robot(std::string_view name,
                                                         std::string_view value) {
  if (value.size() != sizeof(robot_value))
    return std::nullopt;
  robot_row row;
  row.name = name;
  field_reader(value.data())
      .take(row.id)
      .take(row.state.last_timestamp)
      .take(row.state.last.x)
      .take(row.state.last.y)
      .take(row.state.odometer)
      .take(row.state.events)
      .take(row.state.created)
      .take(row.state.updated);
  if (!is_legal(row.id, row.state))
    return std::nullopt;
  return row;
}

/// Markers, in the default column family: shard -> (cut, arrival, horizon, last counter).
using marker_key = fixed_bytes<8>;
using marker_value = fixed_bytes<32>;

[[nodiscard]] inline marker_key make_marker_key(std::uint32_t shard) noexcept {
  marker_key key;
  put_big_endian(key.bytes.data(), shard);
  return key;
}

[[nodiscard]] inline marker_value make_marker_value(const shard_marker& marker) noexcept {
  marker_value value;
  field_writer(value.bytes.data())
      .put(marker.cut)
      .put(marker.arrival_ms)
      .put(marker.horizon_ms)
      .put(marker.last_counter);
  return value;
}

/// @returns nullopt if the size is wrong (damage).
[[nodiscard]] inline std::optional<shard_marker> read_marker(std::uint32_t shard,
                                                             std::string_view value) noexcept {
  if (value.size() != sizeof(marker_value))
    return std::nullopt;
  shard_marker marker;
  marker.shard = shard;
  field_reader(value.data())
      .take(marker.cut)
      .take(marker.arrival_ms)
      .take(marker.horizon_ms)
      .take(marker.last_counter);
  return marker;
}

} // namespace telemetry::rocks
