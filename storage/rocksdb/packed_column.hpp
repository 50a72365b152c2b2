#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// Columns of integers whose neighbours are close, in few bytes (docs/formats.md, ADR 0046).
///
/// A column stores the differences of neighbours, or the differences of these, whichever is
/// shorter. It stores the least difference once, and each difference as its distance from the
/// least. The distances stand in groups, and each group has as many bits per value as its largest
/// needs. Arithmetic is modulo 2^64, so any 64-bit values come back. Thread-safety: full, because
/// the functions share no state.
namespace telemetry::rocks {

/// Number of values in a group, which have the same width in bits.
inline constexpr std::size_t column_group = 32;
/// Values of a column behind its first.
inline constexpr std::size_t column_values_max = 255;
inline constexpr std::size_t column_groups_max = (column_values_max + column_group) / column_group;
/// Bytes of one varint.
inline constexpr std::size_t varint_bytes_max = 10;
/// What put_column() may write.
inline constexpr std::size_t column_bytes_max =
    column_groups_max + 2 * varint_bytes_max + 8 * column_values_max + 8;

/// Small magnitudes, of either sign, as small numbers.
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
}

/// Writes 7 bits a byte, lowest first. @returns the end.
char* put_varint(char* to, std::uint64_t value) noexcept;
/// Takes what put_varint() wrote off the front. @returns nothing if it does not end, or is too
/// long.
[[nodiscard]] std::optional<std::uint64_t> take_varint(std::string_view& bytes) noexcept;

/// Writes all `values` except the first, which the caller gives to the reader.
/// @pre 2 to 256 values, room for column_bytes_max. @returns the end.
char* put_column(char* to, std::span<const std::int64_t> values) noexcept;

/// Reads back what put_column() wrote, group by group.
class column_reader {
public:
  /// Takes a column off the front of `bytes`, which must stay.
  /// @param first the value that put_column() left out. @param count values behind it; 0: no
  /// column, 255 at most.
  /// @returns false if `bytes` do not start with a whole column (damage).
  [[nodiscard]] bool open(std::string_view& bytes, std::int64_t first, std::size_t count) noexcept;

  /// The next column_group values, or as many as are left, into `to`. @returns how many.
  std::size_t read(std::int64_t* to) noexcept;

private:
  [[nodiscard]] bool open_groups(std::string_view& bytes) noexcept;

  std::uint64_t value_ = 0; ///< the last one read
  std::uint64_t step_ = 0;  ///< between it and the one before it
  std::uint64_t least_ = 0;
  bool steps_differ_ = false; ///< what is packed are differences of differences
  std::size_t left_ = 0;
  std::size_t group_ = 0;
  std::array<std::uint8_t, column_groups_max> widths_{};
  std::string_view packed_;
};

} // namespace telemetry::rocks
