#include "storage/rocksdb/event_block.hpp"

#include "core/odometer.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

namespace telemetry::rocks {
namespace {

/// These doubles are exact, as is any integer below 2^53. Therefore their quotient is the double
/// that is nearest to the decimal, as from_chars() would read it.
constexpr std::array<double, 15> powers{1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                        1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
/// Decimals of a column whose integers are the bits of its doubles.
constexpr unsigned no_decimals = powers.size();
constexpr double integer_limit = 0x1p53;

enum class odometer_kind : std::uint8_t { zero = 0, starts = 1, apart = 2 };

/// Compares doubles bit for bit.
std::int64_t bits_of(double value) noexcept { return std::bit_cast<std::int64_t>(value); }

/// @returns false if `value` is not an integer divided by `power`. Otherwise sets `integer`.
bool to_integer(double value, double power, std::int64_t& integer) noexcept {
  const double scaled = value * power;
  if (!(std::abs(scaled) < integer_limit))
    return false;
  const double rounded = std::trunc(scaled + std::copysign(0.5, scaled));
  if (!(std::abs(rounded) < integer_limit)) // rounding may reach the limit from below
    return false;
  integer = static_cast<std::int64_t>(rounded);
  return bits_of(static_cast<double>(integer) / power) == bits_of(value);
}

/// Values that next() decodes at a time: a group, and at first also the first event of the block.
template <class Number>
using group_of = std::array<Number, column_group + 1>;

/// x or y of some rows as integers.
struct integers {
  unsigned decimals; ///< fewest decimals that suffice for all values, or no_decimals
  std::array<std::int64_t, block_events_max> values;

  /// @param plain whether the integers are the bits of the values.
  integers(std::span<const track_row> rows, double position::*axis, bool plain) noexcept {
    decimals = plain ? no_decimals : 0;
    for (std::size_t i = 0; i < rows.size() && decimals < no_decimals;) {
      if (to_integer(rows[i].event.at.*axis, powers[decimals], values[i])) {
        ++i;
      } else { // rarely happens again, because most values of a robot have the same decimals
        i = 0;
        ++decimals;
      }
    }
    for (std::size_t i = 0; i < rows.size() && decimals == no_decimals; ++i)
      values[i] = bits_of(rows[i].event.at.*axis);
  }
};

template <class Number>
char* put(char* to, Number number) noexcept {
  std::memcpy(to, &number, sizeof number);
  return to + sizeof number;
}

char* put_first(char* to, unsigned decimals, std::int64_t value) noexcept {
  return decimals == no_decimals ? put(to, value) : put_varint(to, zigzag(value));
}

/// Writes the column of number(row) of each row.
template <class Take>
char* put_numbers(char* to, std::span<const track_row> rows, Take number) noexcept {
  std::array<std::int64_t, block_events_max> numbers;
  for (std::size_t i = 0; i < rows.size(); ++i)
    numbers[i] = number(rows[i].event);
  return put_column(to, {numbers.data(), rows.size()});
}

template <class Number>
bool take(std::string_view& bytes, Number& number) noexcept {
  if (bytes.size() < sizeof number)
    return false;
  std::memcpy(&number, bytes.data(), sizeof number);
  bytes.remove_prefix(sizeof number);
  return true;
}

odometer_kind kind_of(std::span<const track_row> rows) noexcept {
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const event_row& before = rows[i - 1].event;
    const event_row& row = rows[i].event;
    if (bits_of(odometer_after(before.odometer, before.at, row.at)) != bits_of(row.odometer))
      return odometer_kind::apart;
  }
  return bits_of(rows.front().event.odometer) == 0 ? odometer_kind::zero : odometer_kind::starts;
}

/// @returns false if an integer is not a legal value.
bool to_doubles(std::span<const std::int64_t> integers, unsigned decimals,
                double* values) noexcept {
  bool legal = true;
  if (decimals == no_decimals) {
    for (std::size_t i = 0; i < integers.size(); ++i) {
      values[i] = std::bit_cast<double>(integers[i]);
      legal &= std::isfinite(values[i]);
    }
    return legal;
  }
  const double power = powers[decimals];
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const auto integer = static_cast<double>(integers[i]);
    values[i] = integer / power;
    legal &= std::abs(integer) <= integer_limit; // older encoders wrote the limit itself
  }
  return legal;
}

} // namespace

bool reads_back(std::span<const track_row> rows, std::string_view bytes) noexcept {
  event_block_reader reader;
  if (!reader.open(rows.back().event.timestamp, rows.size(), bytes))
    return false;
  do {
    if (!reader.next() || reader.rows().size() > rows.size())
      return false;
    std::uint64_t differs = 0; // no branches, so that the compiler can compare several at a time
    for (std::size_t i = 0; i < reader.rows().size(); ++i) {
      const event_row& read = reader.rows()[i];
      const event_row& row = rows[i].event;
      differs |= static_cast<std::uint64_t>(read.timestamp ^ row.timestamp) |
                 static_cast<std::uint64_t>(bits_of(read.at.x) ^ bits_of(row.at.x)) |
                 static_cast<std::uint64_t>(bits_of(read.at.y) ^ bits_of(row.at.y)) |
                 static_cast<std::uint64_t>(bits_of(read.odometer) ^ bits_of(row.odometer));
    }
    if (differs != 0)
      return false;
    rows = rows.subspan(reader.rows().size());
  } while (!reader.rows().empty());
  return rows.empty();
}

std::string_view event_block_encoder::encode(std::span<const track_row> rows) noexcept {
  for (const bool plain : {false, true})
    if (const std::string_view bytes = write(rows, plain); is_right_(rows, bytes))
      return bytes;
  return {};
}

/// @param plain whether to write the bits of coordinates and odometers, without any derivation.
std::string_view event_block_encoder::write(std::span<const track_row> rows, bool plain) noexcept {
  assert(!rows.empty() && rows.size() <= block_events_max);
  const std::size_t count = rows.size();
  const integers x(rows, &position::x, plain);
  const integers y(rows, &position::y, plain);
  const odometer_kind kind = plain ? odometer_kind::apart : kind_of(rows);
  const event_row& first = rows.front().event;
  char* to = buffer_.data();
  *to++ = static_cast<char>(x.decimals | y.decimals << 4);
  *to++ = static_cast<char>(kind);
  if (count > 1)
    to = put_varint(to, static_cast<std::uint64_t>(rows.back().event.timestamp - first.timestamp));
  if (kind != odometer_kind::zero)
    to = put(to, first.odometer);
  to = put_first(to, x.decimals, x.values[0]);
  to = put_first(to, y.decimals, y.values[0]);
  if (count > 2)
    to = put_numbers(to, rows.first(count - 1), [](const event_row& row) { return row.timestamp; });
  if (count > 1) {
    to = put_column(to, {x.values.data(), count});
    to = put_column(to, {y.values.data(), count});
  }
  if (kind == odometer_kind::apart && count > 1)
    to = put_numbers(to, rows, [](const event_row& row) { return bits_of(row.odometer); });
  return {buffer_.data(), static_cast<std::size_t>(to - buffer_.data())};
}

bool event_block_reader::open(timestamp_ms last, std::size_t count,
                              std::string_view bytes) noexcept {
  if (count == 0 || count > block_events_max || last < 0 || last > timestamp_max)
    return false;
  last_ = last;
  left_ = count;
  started_ = false;
  before_ = -1;
  count_ = 0;
  return open_header(bytes) && open_columns(bytes) && bytes.empty();
}

bool event_block_reader::open_header(std::string_view& bytes) noexcept {
  std::uint8_t decimals = 0;
  odometer_kind kind{};
  if (!take(bytes, decimals) || !take(bytes, kind) || kind > odometer_kind::apart)
    return false;
  x_.decimals = decimals & 0xFU;
  y_.decimals = decimals >> 4;
  folds_ = kind != odometer_kind::apart;
  first_ = last_;
  if (left_ > 1) {
    const auto span = take_varint(bytes);
    if (!span || *span > static_cast<std::uint64_t>(last_))
      return false;
    first_ -= static_cast<timestamp_ms>(*span);
  }
  odometer_ = 0;
  if (kind != odometer_kind::zero && !take(bytes, odometer_))
    return false;
  const auto take_first = [&bytes](coordinates& which) {
    if (which.decimals == no_decimals)
      return take(bytes, which.first);
    const auto value = take_varint(bytes);
    which.first = unzigzag(value.value_or(0));
    return value.has_value();
  };
  return take_first(x_) && take_first(y_);
}

bool event_block_reader::open_columns(std::string_view& bytes) noexcept {
  const std::size_t rest = left_ - 1;
  return timestamps_.open(bytes, first_, rest > 1 ? rest - 1 : 0) &&
         x_.rest.open(bytes, x_.first, rest) && y_.rest.open(bytes, y_.first, rest) &&
         odometers_.open(bytes, bits_of(odometer_), folds_ ? 0 : rest);
}

bool event_block_reader::next() noexcept {
  count_ = 0;
  if (left_ == 0)
    return true;
  group_of<std::int64_t> timestamps;
  group_of<std::int64_t> integers_read;
  group_of<double> x;
  group_of<double> y;
  const std::size_t known = started_ ? 0 : 1; // the first event is not in the columns
  timestamps[0] = first_;
  integers_read[0] = x_.first;
  const std::size_t count = known + x_.rest.read(integers_read.data() + known);
  bool legal = to_doubles({integers_read.data(), count}, x_.decimals, x.data());
  integers_read[0] = y_.first;
  y_.rest.read(integers_read.data() + known);
  legal &= to_doubles({integers_read.data(), count}, y_.decimals, y.data());
  timestamps_.read(timestamps.data() + known);
  if (count == left_)
    timestamps[count - 1] = last_;
  for (std::size_t i = 0; i < count; ++i) {
    legal &= timestamps[i] > before_;
    before_ = timestamps[i];
    rows_[i] = {timestamps[i], {x[i], y[i]}, 0};
  }
  legal &= before_ <= last_;
  if (folds_)
    fold(count);
  else
    legal &= read_odometers(count);
  started_ = true;
  left_ -= count;
  count_ = legal ? count : 0;
  return legal;
}

/// Folds the odometers of the first `count` of rows_ from the row before them.
void event_block_reader::fold(std::size_t count) noexcept {
  std::size_t i = 0;
  if (!started_)
    rows_[i++].odometer = odometer_;
  position from = started_ ? from_ : rows_[0].at;
  for (; i < count; ++i) {
    odometer_ = odometer_after(odometer_, from, rows_[i].at);
    rows_[i].odometer = odometer_;
    from = rows_[i].at;
  }
  from_ = from;
}

/// Reads the odometers of the first `count` of rows_. @returns false if one is not a number.
bool event_block_reader::read_odometers(std::size_t count) noexcept {
  group_of<std::int64_t> bits;
  const std::size_t known = started_ ? 0 : 1;
  bits[0] = bits_of(odometer_);
  odometers_.read(bits.data() + known);
  bool legal = true;
  for (std::size_t i = 0; i < count; ++i) {
    rows_[i].odometer = std::bit_cast<double>(bits[i]);
    legal &= std::isfinite(rows_[i].odometer);
  }
  return legal;
}

} // namespace telemetry::rocks
