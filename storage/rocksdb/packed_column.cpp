#include "storage/rocksdb/packed_column.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace telemetry::rocks {
namespace {

static_assert(std::endian::native == std::endian::little, "bits are packed from the lowest up");

/// The widest values that one load of 64 bits can read from any bit of a byte. Wider ones take 64.
constexpr unsigned width_max = 57;
/// A bit of the first width. If set, differences of differences are packed.
constexpr std::uint8_t steps_differ_bit = 0x80;

constexpr std::size_t groups_of(std::size_t count) noexcept {
  return (count + column_group - 1) / column_group;
}

constexpr std::size_t bytes_of(unsigned width, std::size_t count) noexcept {
  return (width * count + 7) / 8;
}

std::uint64_t load(const char* from) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

std::size_t varint_size(std::uint64_t value) noexcept {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

/// Differences, and how they are packed.
struct packing {
  std::array<std::int64_t, column_values_max> differences;
  std::int64_t least;
  std::array<std::uint8_t, column_groups_max> widths;
  std::size_t bytes; ///< of `least` and the packed differences

  void measure(std::size_t count) noexcept {
    least = differences[0];
    for (std::size_t i = 1; i < count; ++i)
      least = std::min(least, differences[i]);
    bytes = varint_size(zigzag(least));
    for (std::size_t begin = 0; begin < count; begin += column_group) {
      const std::size_t end = std::min(begin + column_group, count);
      std::uint64_t bits = 0;
      for (std::size_t i = begin; i < end; ++i)
        bits |= above_least(i);
      auto width = static_cast<unsigned>(std::bit_width(bits));
      width = width > width_max ? 64 : width;
      widths[begin / column_group] = static_cast<std::uint8_t>(width);
      bytes += bytes_of(width, end - begin);
    }
  }
  [[nodiscard]] std::uint64_t above_least(std::size_t i) const noexcept {
    return static_cast<std::uint64_t>(differences[i]) - static_cast<std::uint64_t>(least);
  }
};

char* pack_group(char* to, const packing& what, std::size_t begin, std::size_t end,
                 unsigned width) noexcept {
  std::uint64_t word = 0;
  unsigned used = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint64_t value = what.above_least(i);
    word |= value << used;
    used += width;
    if (used >= 64) {
      std::memcpy(to, &word, sizeof word);
      to += sizeof word;
      used -= 64;
      word = used == 0 ? 0 : value >> (width - used);
    }
  }
  std::memcpy(to, &word, sizeof word); // fits, because column_bytes_max has 8 bytes more
  return to + (used + 7) / 8;
}

std::int64_t minus(std::int64_t left, std::int64_t right) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(left) -
                                   static_cast<std::uint64_t>(right));
}

} // namespace

char* put_varint(char* to, std::uint64_t value) noexcept {
  for (; value >= 0x80; value >>= 7)
    *to++ = static_cast<char>(value | 0x80);
  *to++ = static_cast<char>(value);
  return to;
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < std::min(bytes.size(), varint_bytes_max); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    value |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

char* put_column(char* to, std::span<const std::int64_t> values) noexcept {
  assert(values.size() >= 2 && values.size() <= column_values_max + 1);
  const std::size_t count = values.size() - 1;
  packing steps;
  steps.differences[0] = minus(values[1], values[0]);
  for (std::size_t i = 1; i < count; ++i)
    steps.differences[i] = minus(values[i + 1], values[i]);
  if (count < 2)
    return put_varint(to, zigzag(steps.differences[0]));
  packing turns; // differences between steps; the first is the same as the second
  turns.differences[0] = minus(steps.differences[1], steps.differences[0]);
  for (std::size_t i = 1; i < count; ++i)
    turns.differences[i] = minus(steps.differences[i], steps.differences[i - 1]);
  steps.measure(count);
  turns.measure(count);
  const std::uint64_t step_before = zigzag(minus(steps.differences[0], turns.differences[0]));
  const bool steps_differ = turns.bytes + varint_size(step_before) < steps.bytes;
  const packing& best = steps_differ ? turns : steps;

  std::memcpy(to, best.widths.data(), groups_of(count));
  if (steps_differ)
    *to = static_cast<char>(*to | steps_differ_bit);
  to += groups_of(count);
  if (steps_differ)
    to = put_varint(to, step_before);
  to = put_varint(to, zigzag(best.least));
  for (std::size_t begin = 0; begin < count; begin += column_group)
    to = pack_group(to, best, begin, std::min(begin + column_group, count),
                    best.widths[begin / column_group]);
  return to;
}

bool column_reader::open(std::string_view& bytes, std::int64_t first, std::size_t count) noexcept {
  assert(count <= column_values_max);
  value_ = static_cast<std::uint64_t>(first);
  step_ = 0;
  left_ = count;
  group_ = 0;
  steps_differ_ = false;
  widths_[0] = 0;
  packed_ = {};
  if (count == 0)
    return true;
  if (count > 1)
    return open_groups(bytes);
  const auto only = take_varint(bytes);
  least_ = only ? static_cast<std::uint64_t>(unzigzag(*only)) : 0;
  return only.has_value();
}

bool column_reader::open_groups(std::string_view& bytes) noexcept {
  const std::size_t groups = groups_of(left_);
  if (bytes.size() < groups)
    return false;
  std::memcpy(widths_.data(), bytes.data(), groups);
  bytes.remove_prefix(groups);
  steps_differ_ = (widths_[0] & steps_differ_bit) != 0;
  widths_[0] &= static_cast<std::uint8_t>(~steps_differ_bit);
  std::size_t packed_bytes = 0;
  for (std::size_t group = 0; group < groups; ++group) {
    if (widths_[group] > width_max && widths_[group] != 64)
      return false;
    packed_bytes += bytes_of(widths_[group], std::min(column_group, left_ - group * column_group));
  }
  const auto step_before = steps_differ_ ? take_varint(bytes) : 0;
  const auto least = take_varint(bytes);
  if (!step_before || !least || bytes.size() < packed_bytes)
    return false;
  step_ = static_cast<std::uint64_t>(unzigzag(*step_before));
  least_ = static_cast<std::uint64_t>(unzigzag(*least));
  packed_ = bytes.substr(0, packed_bytes);
  bytes.remove_prefix(packed_bytes);
  return true;
}

std::size_t column_reader::read(std::int64_t* to) noexcept {
  const std::size_t count = std::min(column_group, left_);
  if (count == 0)
    return 0;
  const unsigned width = widths_[group_++];
  const std::size_t bytes = bytes_of(width, count);
  // Loads of 64 bits read beyond the group. A group near the end of the bytes is copied first.
  char padded[8 * column_group + 8];
  const char* from = packed_.data();
  if (packed_.size() < bytes + 8) {
    packed_.copy(padded, bytes);
    std::memset(padded + bytes, 0, 8);
    from = padded;
  }
  const std::uint64_t mask = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  std::size_t bit = 0;
  for (std::size_t i = 0; i < count; ++i, bit += width) {
    const std::uint64_t difference = ((load(from + bit / 8) >> (bit % 8)) & mask) + least_;
    step_ = steps_differ_ ? step_ + difference : difference;
    value_ += step_;
    to[i] = static_cast<std::int64_t>(value_);
  }
  packed_.remove_prefix(bytes);
  left_ -= count;
  return count;
}

} // namespace telemetry::rocks
