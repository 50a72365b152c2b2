#include "net/rest/format_json.hpp"

#include "core/number.hpp"
#include "core/utc_time.hpp"

#include <algorithm>

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

/// Whether `c` is an ASCII character that a JSON string may hold without an escape.
constexpr bool is_unescaped(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
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
    const auto end = std::find_if_not(text.begin(), text.end(), is_unescaped);
    out.append(text.begin(), end);
    text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
    if (text.empty())
      break;
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0)
      out += "\xef\xbf\xbd"; // U+FFFD
    else if (length == 1)
      append_escaped(out, c);
    else
      out.append(text, 0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

void append_json_time(std::string& out, wall_ms time) {
  out += '"';
  append_utc_time(out, time);
  out += '"';
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
