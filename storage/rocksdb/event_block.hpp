#pragma once

#include "core/robot_track.hpp"
#include "storage/rocksdb/packed_column.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// A block holds some events of one robot in few bytes, and is the value of one entry of the event
/// store. The entry's key has the last timestamp and the number of events, so the block does not
/// repeat them.
///
/// The bytes (docs/formats.md, ADR 0046), numbers little-endian:
///   u8  decimals of x (low half) and of y: 0 to 14, or 15 for the bits of doubles
///   u8  odometer: 0 starts at zero, 1 starts at the number below, 2 does not follow from x and y
///   varint  last timestamp - first                      (not if there is one event)
///   f64     odometer at the first event                 (not if it is zero)
///   x, y    of the first event: zigzag varint of x * 10^decimals, or f64
///   columns (packed_column.hpp) of timestamps without the last, of x, of y, and of the odometers'
///   bits if they do not follow: each only if it has more than its first value
/// Odometers that follow from x and y are folded again (core/odometer.hpp). They come back bit for
/// bit, as does every other number.
namespace telemetry::rocks {

/// Limit of the events of one block. It is part of the format, because a commit that repeats stored
/// rows relies on full blocks (rocksdb_block_cursor.hpp).
inline constexpr std::size_t block_events_max = 128;
static_assert(block_events_max <= column_values_max);
/// Limit of the bytes of a block's header and of its columns' headers. Each event adds 32 bytes at
/// most.
inline constexpr std::size_t block_bytes_beside_rows =
    2 + varint_bytes_max + 4 * (column_bytes_max - 8 * column_values_max);

/// Whether `bytes` decode to exactly these rows, every number bit for bit.
[[nodiscard]] bool reads_back(std::span<const track_row> rows, std::string_view bytes) noexcept;

/// Encodes blocks. Thread-safety: none; one owner.
class event_block_encoder {
public:
  using check = bool (*)(std::span<const track_row> rows, std::string_view bytes) noexcept;
  /// @param is_right whether a block may be stored. Tests replace it.
  explicit event_block_encoder(check is_right = reads_back) noexcept : is_right_(is_right) {}

  /// The same rows give the same bytes. A block is read back before it is returned, because the
  /// journal will drop its events. If the rows differ, they are encoded again as plain doubles.
  /// @pre 1 to block_events_max rows, their timestamps rising and legal, no number NaN.
  /// @returns bytes that are valid until the next call; "" if the rows differ in both encodings.
  [[nodiscard]] std::string_view encode(std::span<const track_row> rows) noexcept;

private:
  [[nodiscard]] std::string_view write(std::span<const track_row> rows, bool plain) noexcept;

  check is_right_;
  std::array<char, block_bytes_beside_rows + 32 * (column_values_max + 1)> buffer_;
};

/// Decodes a block in order, some rows at a time, so that a reader can stop at the row that it
/// needs. Thread-safety: none; one owner.
class event_block_reader {
public:
  /// Checks lengths and numbers of events. next() checks the content of the columns.
  /// @param bytes must stay valid. @returns false if the block is damaged.
  [[nodiscard]] bool open(timestamp_ms last, std::size_t count, std::string_view bytes) noexcept;

  /// Timestamp of the first event. @pre open() succeeded.
  [[nodiscard]] timestamp_ms first() const noexcept { return first_; }
  [[nodiscard]] timestamp_ms last() const noexcept { return last_; }

  /// Decodes the next rows. @returns false if the block is damaged.
  [[nodiscard]] bool next() noexcept;
  /// The rows that next() decoded, valid until its next call. Empty after the last event.
  [[nodiscard]] std::span<const event_row> rows() const noexcept { return {rows_.data(), count_}; }

private:
  /// x or y.
  struct coordinates {
    unsigned decimals;
    std::int64_t first;
    column_reader rest;
  };
  [[nodiscard]] bool open_header(std::string_view& bytes) noexcept;
  [[nodiscard]] bool open_columns(std::string_view& bytes) noexcept;
  void fold(std::size_t count) noexcept;
  [[nodiscard]] bool read_odometers(std::size_t count) noexcept;

  timestamp_ms first_ = 0;
  timestamp_ms last_ = 0;
  std::size_t left_ = 0; ///< rows that next() has not decoded
  bool started_ = false;
  bool folds_ = false; ///< odometers follow from x and y
  coordinates x_{};
  coordinates y_{};
  column_reader timestamps_;
  column_reader odometers_;
  timestamp_ms before_ = -1; ///< of the last event decoded
  position from_{};          ///< of the last event decoded, while odometers are folded
  double odometer_ = 0;      ///< at from_; before the first event is decoded, its odometer
  std::size_t count_ = 0;
  std::array<event_row, column_group + 1> rows_;
};

} // namespace telemetry::rocks
