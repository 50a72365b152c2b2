#include "net/format_json.hpp"

#include "core/number.hpp"

#include <array>

namespace telemetry::net {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

/// Bytes of the well-formed UTF-8 character (Unicode 15, table 3-7) at the front of `text`; 0 if
/// there is none.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto in = [&](std::size_t i, unsigned low, unsigned high) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const unsigned lead = at(0);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead <= 0xdf)
    return in(1, 0x80, 0xbf) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = lead == 0xed ? 0x9f : 0xbf;
    return in(1, low, high) && in(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
    return in(1, low, high) && in(2, 0x80, 0xbf) && in(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
  case '"':
    out += "\\\"";
    return;
  case '\\':
    out += "\\\\";
    return;
  case '\b':
    out += "\\b";
    return;
  case '\f':
    out += "\\f";
    return;
  case '\n':
    out += "\\n";
    return;
  case '\r':
    out += "\\r";
    return;
  case '\t':
    out += "\\t";
    return;
  default:
    out += "\\u00";
    out += hex_digits[static_cast<unsigned char>(c) >> 4];
    out += hex_digits[static_cast<unsigned char>(c) & 15];
  }
}

/// Writes `value` with leading zeros into `width` characters from `to` on.
void put_digits(char* to, int width, std::int64_t value) noexcept {
  for (int i = width - 1; i >= 0; --i, value /= 10)
    to[i] = static_cast<char>('0' + value % 10);
}

struct civil_date {
  std::int64_t year;
  std::int64_t month;
  std::int64_t day;
};

/// Day of the proleptic Gregorian calendar, `days` after 1970-01-01. Counts in years that begin
/// on 1 March, so that the leap day is the last one, and in eras of 400 years of 146097 days.
civil_date date_of(std::int64_t days) noexcept {
  const std::int64_t shifted = days + 719'468; // since 0000-03-01
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t march_month = (5 * day_of_year + 2) / 153;
  const std::int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * march_month + 2) / 5 + 1};
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0)
      out += "\xef\xbf\xbd"; // U+FFFD
    else if (length == 1 && (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20))
      append_escaped(out, c);
    else
      out.append(text, 0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

void append_json_time(std::string& out, wall_ms time) {
  constexpr wall_ms day_ms = 86'400'000;
  const wall_ms days = (time >= 0 ? time : time - (day_ms - 1)) / day_ms;
  const wall_ms rest = time - days * day_ms;
  const civil_date date = date_of(days);
  std::array<char, 32> text{"\"0000-00-00T00:00:00.000+00:00\""};
  put_digits(&text[1], 4, date.year);
  put_digits(&text[6], 2, date.month);
  put_digits(&text[9], 2, date.day);
  put_digits(&text[12], 2, rest / 3'600'000);
  put_digits(&text[15], 2, rest / 60'000 % 60);
  put_digits(&text[18], 2, rest / 1'000 % 60);
  put_digits(&text[21], 3, rest % 1'000);
  out.append(text.data(), 31);
}

void append_json_robot(std::string& out, std::string_view name, const robot_state& state) {
  out += "{\"created_time\":";
  append_json_time(out, state.created);
  out += ",\"events\":";
  append_integer(out, static_cast<std::int64_t>(state.events));
  out += ",\"last_timestamp\":";
  append_integer(out, state.last_timestamp);
  out += ",\"last_x\":";
  append_double(out, state.last.x);
  out += ",\"last_y\":";
  append_double(out, state.last.y);
  out += ",\"name\":";
  append_json_string(out, name);
  out += ",\"odometer\":";
  append_double(out, state.odometer);
  out += ",\"removed_time\":0,\"updated_time\":";
  if (state.events > 1)
    append_json_time(out, state.updated);
  else
    out += "null";
  out += '}';
}

} // namespace telemetry::net
