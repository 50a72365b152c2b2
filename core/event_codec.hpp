#pragma once

#include "core/event.hpp"

#include <optional>
#include <string>

namespace telemetry {

/// The events of a journal batch, one after another, little-endian (docs/adr/):
/// u16 name bytes, the name, i64 timestamp, f64 x, f64 y.
///
/// Bytes of one encoded event with a name of `name_bytes`.
[[nodiscard]] constexpr std::size_t encoded_size(std::size_t name_bytes) noexcept {
  return 2 + name_bytes + 8 + 8 + 8;
}

/// Appends one event. @pre event.robot is a legal name.
void encode_event(std::string& out, const event_view& event);

/// Takes one event off the front of `bytes`; its name points into them.
/// @returns nothing if `bytes` do not start with a whole, legal event (damage): then `bytes` stay.
[[nodiscard]] std::optional<event_view> decode_event(std::string_view& bytes) noexcept;

/// The event at `bytes`, which encode_event() wrote in this process: nothing is checked.
[[nodiscard]] event_view read_encoded_event(const char* bytes) noexcept;

} // namespace telemetry
