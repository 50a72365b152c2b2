// The line parser: no input may crash it, what it accepts is legal, and survives a round trip
// through text and through the journal's bytes. The other way round, every legal event written as a
// line is read as the same event.

#include "core/line.hpp"
#include "core/event_codec.hpp"
#include "core/number.hpp"
#include "tests/fuzz/input_event.hpp"
#include "tests/fuzz/require.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

namespace {

using namespace telemetry;
using fuzz::require;

void check_legal(const event_view& event) {
  for (const double coordinate : {event.at.x, event.at.y}) {
    require(std::isfinite(coordinate) && std::abs(coordinate) <= 1e15);
    require(coordinate != 0 || !std::signbit(coordinate));
  }
  require(event.timestamp >= 0 && event.timestamp <= (std::int64_t{1} << 53) - 1);
  require(!event.robot.empty() && event.robot.size() <= 600);
  for (const char c : event.robot) {
    const auto byte = static_cast<unsigned char>(c);
    require(byte >= 0x20 && byte != 0x7F && c != ',');
  }
}

void check_same(const event_view& one, const event_view& other) {
  require(one.at == other.at && one.timestamp == other.timestamp && one.robot == other.robot);
}

std::string line_of(const event_view& event) {
  std::string text;
  append_double(text, event.at.x);
  append_double(text += ',', event.at.y);
  append_integer(text += ',', event.timestamp);
  return text.append(",").append(event.robot);
}

/// From values to a line and back.
void write_and_read(std::string_view input) {
  const auto made = fuzz::input_event(input);
  if (!made)
    return;
  const event_view& event = *made;
  const std::string line = line_of(event);
  const auto again = parse_line(line);
  require(again.has_value());
  check_same(event, *again);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  write_and_read(line);
  const auto event = parse_line(line);
  if (!event) {
    require(event.error().code == errc::malformed && !event.error().text.empty());
    return 0;
  }
  check_legal(*event);

  const std::string text = line_of(*event);
  const auto again = parse_line(text);
  require(again.has_value());
  check_same(*event, *again);

  std::string bytes;
  encode_event(bytes, *event);
  std::string_view rest = bytes;
  const auto decoded = decode_event(rest);
  require(decoded.has_value() && rest.empty());
  check_same(*event, *decoded);
  return 0;
}
