// A damaged journal payload: no input may crash the decoder, it always gets on or stops, and what
// it accepts are exactly the bytes that the encoder writes.

#include "core/event_codec.hpp"
#include "core/line.hpp"

#include <cstdint>
#include <cstdlib>

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace telemetry;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
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
