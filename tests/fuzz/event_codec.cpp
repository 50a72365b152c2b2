// A damaged journal payload: no input may crash the decoder, it always gets on or stops, and what
// it accepts are exactly the bytes that the encoder writes. The other way round, every legal event
// comes back from its bytes, also between others.

#include "core/event_codec.hpp"
#include "core/line.hpp"
#include "tests/fuzz/input_event.hpp"
#include "tests/fuzz/require.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

using namespace telemetry;

/// From values to bytes and back.
void write_and_read(std::string_view input) {
  const auto made = fuzz::input_event(input);
  if (!made)
    return;
  const event_view& event = *made;
  std::string bytes;
  encode_event(bytes, event);
  fuzz::require(bytes.size() == encoded_size(event.robot.size()));
  std::string_view rest = bytes;
  const auto again = decode_event(rest);
  fuzz::require(again && rest.empty() && again->timestamp == event.timestamp &&
                again->at == event.at && again->robot == event.robot);
  const event_view read = read_encoded_event(bytes.data());
  fuzz::require(read.timestamp == event.timestamp && read.at == event.at &&
                read.robot == event.robot);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  write_and_read(rest);
  while (!rest.empty()) {
    const std::string_view before = rest;
    const auto event = decode_event(rest);
    if (!event) {
      if (rest.data() != before.data() || rest.size() != before.size()) {
        std::abort(); // damage must leave the bytes
      }
      break;
    }
    std::string bytes;
    encode_event(bytes, *event);
    const bool same = before.substr(0, before.size() - rest.size()) == bytes;
    const bool legal = check_name(event->robot) && check_timestamp(event->timestamp) &&
                       check_coordinate(event->at.x, "x") && check_coordinate(event->at.y, "y");
    if (!same || !legal) {
      std::abort();
    }
  }
  return 0;
}
