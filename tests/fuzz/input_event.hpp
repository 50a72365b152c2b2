#pragma once

#include "core/event.hpp"
#include "core/line.hpp"

#include <cstring>
#include <optional>
#include <string_view>

namespace telemetry::fuzz {

/// A legal event of the bytes of an input: timestamp, x, y, then the name. nullopt if they are
/// none.
inline std::optional<event_view> input_event(std::string_view input) {
  event_view event;
  if (input.size() < 24)
    return std::nullopt;
  std::memcpy(&event.timestamp, input.data(), 8);
  std::memcpy(&event.at.x, input.data() + 8, 8);
  std::memcpy(&event.at.y, input.data() + 16, 8);
  event.robot = input.substr(24);
  event.timestamp &= timestamp_max;
  const auto x = check_coordinate(event.at.x, "x");
  const auto y = check_coordinate(event.at.y, "y");
  if (!x || !y || !check_name(event.robot))
    return std::nullopt;
  event.at = {*x, *y};
  return event;
}

} // namespace telemetry::fuzz
