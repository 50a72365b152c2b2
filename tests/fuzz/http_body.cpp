// A body of POST /api/events. The first byte chooses format and step. Steps do not change what is
// read; events that are read are legal; lines and elements are accounted for; and nlohmann's
// parser, which shares nothing with the splitting into elements, agrees about JSON arrays.

#include "core/line.hpp"
#include "net/rest/body_events.hpp"
#include "net/rest/format_json.hpp"
#include "tests/fuzz/require.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>

namespace {

using namespace telemetry;
using fuzz::require;
using namespace telemetry::net;

result<parsed_body> read(body_format format, std::string_view body, std::size_t step) {
  const auto reader = make_body_reader(format, std::string(body), 64 << 10);
  while (true) {
    const auto done = reader->advance(step);
    if (!done) {
      return done.error();
    }
    if (done.value() || reader->is_full()) {
      return reader->take();
    }
  }
}

void check_legal(const parsed_body& body) {
  require(body.lines.size() == body.events.size());
  require(std::is_sorted(body.lines.begin(), body.lines.end()));
  for (const ingest_line& event : body.events) {
    require(check_name(event.robot).has_value() && is_utf8(event.robot));
    require(check_timestamp(event.timestamp).has_value());
    require(check_coordinate(event.at.x, "x").has_value());
    require(check_coordinate(event.at.y, "y").has_value());
  }
  require(body.errors.size() == std::min<std::uint64_t>(body.invalid, listed_errors_max));
  for (const line_error& error : body.errors) {
    require(error.line > 0 && !error.reason.empty() && is_utf8(error.reason));
  }
}

void check_same(const parsed_body& one, const parsed_body& other) {
  require(one.lines == other.lines && one.invalid == other.invalid);
  for (std::size_t i = 0; i < one.events.size(); ++i) {
    require(one.events[i].robot == other.events[i].robot);
    require(one.events[i].at == other.events[i].at);
    require(one.events[i].timestamp == other.events[i].timestamp);
  }
}

void check_array(std::string_view text, const parsed_body& body) {
  const auto array = nlohmann::json::parse(text);
  require(array.is_array() && array.size() == body.events.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    require(array[i].at("robot") == body.events[i].robot);
    require(array[i].at("x").get<double>() == body.events[i].at.x);
    require(array[i].at("timestamp") == body.events[i].timestamp);
  }
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  constexpr body_format formats[] = {body_format::csv, body_format::json, body_format::ndjson};
  const body_format format = formats[data[0] % 3];
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read(format, text, size);
  const auto steps = read(format, text, 1u + data[0] / 3u);
  require(whole.has_value() == steps.has_value());
  if (!whole) {
    require(format != body_format::ndjson && is_utf8(whole.error().text));
    return 0;
  }
  check_legal(*whole);
  check_same(*whole, *steps);
  if (format == body_format::json) {
    check_array(text, *whole);
  } else {
    if (text.starts_with("\xef\xbb\xbf"))
      text.remove_prefix(3);
    const auto ends = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    const std::size_t lines = ends + (text.empty() || text.back() == '\n' ? 0 : 1);
    const std::size_t read_lines = whole->events.size() + whole->invalid;
    require(read_lines == lines || (read_lines + 1 == lines && format == body_format::csv));
  }
  return 0;
}
