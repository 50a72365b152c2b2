#pragma once

#include "core/event.hpp"

#include <optional>
#include <string>

namespace telemetry {

/// Size of one encoded event, in bytes, with a name of `name_bytes` bytes.
///
/// The payload of a journal batch is a sequence of events without a count, little-endian:
/// u16 name bytes, the name, i64 timestamp, f64 x, f64 y (docs/formats.md, "Event"; ADR 0002).
[[nodiscard]] constexpr std::size_t encoded_size(std::size_t name_bytes) noexcept {
  return 2 + name_bytes + 8 + 8 + 8;
}

/// Appends one encoded event to `out`. @pre event.robot is a legal name.
void encode_event(std::string& out, const event_view& event);

/// Takes one event off the front of `bytes`. Its name points into `bytes`.
/// @returns nullopt, and leaves `bytes` unchanged, if they do not start with a whole, legal event
///          (the bytes are damaged).
[[nodiscard]] std::optional<event_view> decode_event(std::string_view& bytes) noexcept;

/// Reads the event at `bytes` without any check. Its name points into `bytes`.
/// @pre encode_event() wrote `bytes` in this process.
[[nodiscard]] event_view read_encoded_event(const char* bytes) noexcept;

} // namespace telemetry
