#pragma once

#include "core/result.hpp"
#include "net/rest/api.hpp"
#include "net/rest/body_events.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Bytes of the shortest event, `{"x":0,"y":0,"timestamp":0,"robot":"a"}`, and of a separator.
inline constexpr std::size_t json_event_bytes_min = 40;

/// Reads one event object `{"robot","x","y","timestamp"}`. Ignores other keys. If a key occurs
/// twice, the last value counts.
/// @returns errc::malformed with one short sentence.
result<ingest_line> parse_json_event(std::string_view text);

/// Reads an array of event objects. An element that is not an event, or has more than
/// `element_bytes_max`, refuses the body as a whole.
[[nodiscard]] std::unique_ptr<body_reader> make_json_array_reader(std::string body,
                                                                  std::size_t element_bytes_max);

} // namespace telemetry::net
