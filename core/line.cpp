#include "core/line.hpp"

#include "core/name_fault.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

namespace telemetry {
namespace {

constexpr std::string_view not_decimal = " is not a decimal number";
constexpr std::string_view too_large = " is above 1e15 in magnitude";
constexpr std::string_view not_integer = "timestamp is not a whole number";
constexpr std::string_view negative = "timestamp is negative";
constexpr std::string_view too_late = "timestamp is above 2^53-1";
constexpr std::string_view marked = "x begins with a byte order mark";
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

constexpr timestamp_ms beyond_timestamps = timestamp_max + 1;
static_assert(beyond_timestamps <= (std::numeric_limits<timestamp_ms>::max() - 9) / 10);

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

failure malformed(std::string_view text) { return {errc::malformed, std::string(text)}; }

failure malformed(std::string_view field, std::string_view what) {
  return {errc::malformed, std::string(field).append(what)};
}

std::string_view without_spaces(std::string_view text) noexcept {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

/// Whether a decimal number that a double cannot hold is too small, rather than too large. The sign
/// of the power of ten of its first digit other than 0 decides, because that power is far from 0.
/// @pre from_chars() accepted the syntax and returned result_out_of_range.
bool underflows(std::string_view number) noexcept {
  const std::size_t exponent_at = number.find_first_of("eE");
  const std::string_view mantissa = number.substr(0, exponent_at);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::size_t first = mantissa.find_first_of("123456789");
  const auto power = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  std::int64_t exponent = 0;
  if (exponent_at != std::string_view::npos) {
    std::string_view digits = number.substr(exponent_at + 1);
    const bool minus = digits.front() == '-';
    digits.remove_prefix(minus || digits.front() == '+' ? 1 : 0);
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), exponent);
    if (error != std::errc{}) {
      return minus;
    }
    exponent = minus ? -exponent : exponent;
  }
  return power < -exponent; // instead of power + exponent, which may overflow 64 bits
}

/// Reads a decimal number of few digits without an exponent, as most coordinates are. The quotient
/// of two integers that doubles hold exactly is the double nearest to the decimal, so the result is
/// that of from_chars(), in a third of the time (W. Clinger, "How to read floating point numbers
/// accurately", 1990). With a point there are 15 digits at most, which a double holds. A sixteenth
/// may be rounded, but then the divisor is 1.
/// @returns false if from_chars() has to read it. @pre `text` begins with a digit or '-'.
bool read_short_decimal(std::string_view text, double& value) noexcept {
  constexpr std::array<double, 16> powers{1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool minus = text.front() == '-';
  text.remove_prefix(minus ? 1 : 0);
  if (text.size() > powers.size() || !is_digit(text.back())) {
    return false;
  }
  std::int64_t digits = 0;
  std::size_t point = text.size() - 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_digit(text[i])) {
      digits = digits * 10 + (text[i] - '0');
    } else if (text[i] == '.' && point == text.size() - 1) {
      point = i;
    } else {
      return false;
    }
  }
  const double magnitude = static_cast<double>(digits) / powers[text.size() - 1 - point];
  value = minus ? -magnitude : magnitude;
  return true;
}

/// Reads a coordinate into `value`. @returns "" on success, else the end of an error sentence.
std::string_view read_coordinate(std::string_view text, double& value) noexcept {
  text = without_spaces(text);
  if (!text.empty() && text.front() == '+') { // from_chars() accepts no '+'
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') {
      return not_decimal;
    }
  }
  const std::size_t first = !text.empty() && text.front() == '-' ? 1 : 0;
  if (text.size() == first || !(is_digit(text[first]) || text[first] == '.')) {
    return not_decimal; // from_chars() would accept inf and nan
  }
  if (!read_short_decimal(text, value)) {
    const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
    if (end != text.end() || error == std::errc::invalid_argument) {
      return not_decimal;
    }
    if (error == std::errc::result_out_of_range) {
      if (!underflows(text)) {
        return too_large;
      }
      value = 0;
    }
  }
  value += 0.0; // -0 becomes 0
  return std::abs(value) <= coordinate_max ? std::string_view{} : too_large;
}

/// Reads a timestamp into `value`. @returns "" on success, else an error sentence.
std::string_view read_timestamp(std::string_view text, timestamp_ms& value) noexcept {
  text = without_spaces(text);
  const bool minus = !text.empty() && text.front() == '-';
  if (minus || (!text.empty() && text.front() == '+')) {
    text.remove_prefix(1);
  }
  if (text.empty()) {
    return not_integer;
  }
  value = 0;
  for (const char c : text) { // in a third of the time of from_chars()
    if (!is_digit(c)) {
      return not_integer;
    }
    value = std::min(value * 10 + (c - '0'), beyond_timestamps); // so that nothing overflows
  }
  if (minus) {
    return negative;
  }
  return value > timestamp_max ? too_late : std::string_view{};
}

result<event_view> parse_fields(std::string_view line) {
  const std::size_t x_end = line.find(',');
  if (x_end == std::string_view::npos) {
    return line.empty() ? malformed("line is empty") : malformed("y is missing");
  }
  const std::size_t y_end = line.find(',', x_end + 1);
  if (y_end == std::string_view::npos) {
    return malformed("timestamp is missing");
  }
  const std::size_t timestamp_end = line.find(',', y_end + 1);
  if (timestamp_end == std::string_view::npos) {
    return malformed("robot_name is missing");
  }
  event_view event;
  std::string_view fault = read_coordinate(line.substr(0, x_end), event.at.x);
  if (!fault.empty()) {
    return malformed("x", fault);
  }
  fault = read_coordinate(line.substr(x_end + 1, y_end - x_end - 1), event.at.y);
  if (!fault.empty()) {
    return malformed("y", fault);
  }
  fault = read_timestamp(line.substr(y_end + 1, timestamp_end - y_end - 1), event.timestamp);
  if (!fault.empty()) {
    return malformed(fault);
  }
  event.robot = line.substr(timestamp_end + 1);
  fault = detail::name_fault(event.robot);
  if (!fault.empty()) {
    return malformed(fault);
  }
  return event;
}

} // namespace

result<event_view> parse_line(std::string_view line) {
  auto event = parse_fields(line);
  if (!event && line.starts_with(byte_order_mark)) // invisible, so it has to be named
    return malformed(marked);
  return event;
}

result<void> check_name(std::string_view name) {
  const std::string_view fault = detail::name_fault(name);
  return fault.empty() ? result<void>() : result<void>(malformed(fault));
}

result<double> check_coordinate(double value, std::string_view field) {
  if (!std::isfinite(value)) {
    return malformed(field, not_decimal);
  }
  if (std::abs(value) > coordinate_max) {
    return malformed(field, too_large);
  }
  return value + 0.0; // -0 becomes 0
}

result<void> check_timestamp(std::int64_t value) {
  if (value < 0) {
    return malformed(negative);
  }
  return value > timestamp_max ? result<void>(malformed(too_late)) : result<void>();
}

} // namespace telemetry
