#pragma once

#include "core/robot_state.hpp"
#include "storage/event_store.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

/// Keys and values as RocksDB holds them (docs/adr/0010). Keys are big-endian, so that their byte
/// order is their numeric order; values are little-endian and of fixed size.
namespace telemetry::detail {

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

/// Reads back what field_writer wrote. @pre the bytes are as many as were written.
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

/// Events: (robot id, timestamp) -> (x, y, odometer). Timestamps are never negative.
using event_key = fixed_bytes<16>;
using event_value = fixed_bytes<24>;

[[nodiscard]] inline event_key make_event_key(robot_id robot, timestamp_ms timestamp) noexcept {
  event_key key;
  put_big_endian(key.bytes.data(), robot);
  put_big_endian(key.bytes.data() + 8, static_cast<std::uint64_t>(timestamp));
  return key;
}

[[nodiscard]] inline event_value make_event_value(const event_row& row) noexcept {
  event_value value;
  field_writer(value.bytes.data()).put(row.at.x).put(row.at.y).put(row.odometer);
  return value;
}

/// @returns nothing if the sizes are wrong (damage).
[[nodiscard]] inline std::optional<event_row> read_event(std::string_view key,
                                                         std::string_view value) noexcept {
  if (key.size() != sizeof(event_key) || value.size() != sizeof(event_value))
    return std::nullopt;
  event_row row{};
  row.timestamp = static_cast<timestamp_ms>(take_big_endian(key.data() + 8));
  field_reader(value.data()).take(row.at.x).take(row.at.y).take(row.odometer);
  return row;
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

/// @returns nothing if the size is wrong (damage).
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

/// @returns nothing if the size is wrong (damage).
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

} // namespace telemetry::detail
