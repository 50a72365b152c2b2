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
/// Most values of a column, without its first value.
inline constexpr std::size_t column_values_max = 255;
inline constexpr std::size_t column_groups_max = (column_values_max + column_group) / column_group;
/// Most bytes of a varint.
inline constexpr std::size_t varint_bytes_max = 10;
/// Most bytes that put_column() writes.
inline constexpr std::size_t column_bytes_max =
    column_groups_max + 2 * varint_bytes_max + 8 * column_values_max + 8;

/// Maps values of small magnitude and either sign to small numbers.
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
}

/// Writes 7 bits per byte, lowest first. @returns the end.
char* put_varint(char* to, std::uint64_t value) noexcept;
/// Removes a number of put_varint() from the front of `bytes`. @returns nullopt if it does not end
/// or is too long.
[[nodiscard]] std::optional<std::uint64_t> take_varint(std::string_view& bytes) noexcept;

/// Writes all `values` except the first, which the caller gives to the reader.
/// @pre 2 to 256 values, room for column_bytes_max. @returns the end.
char* put_column(char* to, std::span<const std::int64_t> values) noexcept;

/// Reads a column of put_column(), group by group.
class column_reader {
public:
  /// Removes a column from the front of `bytes`, which must stay valid.
  /// @param first the value that put_column() left out.
  /// @param count number of values after it, at most 255; 0 if there is no column.
  /// @returns false if `bytes` do not start with a whole column (damage).
  [[nodiscard]] bool open(std::string_view& bytes, std::int64_t first, std::size_t count) noexcept;

  /// Writes the next column_group values, or the remaining ones, to `to`. @returns how many.
  std::size_t read(std::int64_t* to) noexcept;

private:
  [[nodiscard]] bool open_groups(std::string_view& bytes) noexcept;

  std::uint64_t value_ = 0; ///< the last value read
  std::uint64_t step_ = 0;  ///< from the value before it
  std::uint64_t least_ = 0;
  bool steps_differ_ = false; ///< whether differences of differences are packed
  std::size_t left_ = 0;
  std::size_t group_ = 0;
  std::array<std::uint8_t, column_groups_max> widths_{};
  std::string_view packed_;
};

} // namespace telemetry::rocks
