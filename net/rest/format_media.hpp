#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace telemetry::net {

// The media types and codings of requests and answers. In net/rest/, body_* reads what a client
// sends, and format_* writes what it gets.

/// How the events of a robot are written. A new format is an enumerator here, a row in
/// format_media.cpp and a writer in format_events.cpp.
enum class event_format { json, csv, ndjson, geojson };

/// One row of the table of event formats.
struct event_media {
  event_format format;
  std::string_view name;         ///< in `?format=`
  std::string_view type;         ///< as in Accept, lower case
  std::string_view content_type; ///< of the answer
};

/// The table of event formats, in the order of the enum.
[[nodiscard]] std::span<const event_media> all_formats() noexcept;

/// The names of all formats, for a person: "json, csv, ndjson or geojson".
[[nodiscard]] std::string list_of_formats();

/// The format called `name` in `?format=`; nullopt if there is none.
[[nodiscard]] std::optional<event_format> find_format(std::string_view name) noexcept;

/// The format that an Accept header likes best (RFC 9110, 12.5.1): by quality, then by how
/// precisely it is named, then in the order of the enum. JSON if there is no header, or nothing
/// matches.
[[nodiscard]] event_format negotiate(std::string_view accept) noexcept;

/// The Content-Type of a format.
[[nodiscard]] std::string_view content_type(event_format format) noexcept;

/// Whether a gzip answer suits an Accept-Encoding header (RFC 9110, 12.5.3): gzip, or `*` in its
/// place, has a quality above 0 and not below that of identity.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding) noexcept;

/// How a body is encoded.
enum class body_coding { identity, gzip };

/// The coding of a Content-Encoding header; nullopt if it is another one, or several.
[[nodiscard]] std::optional<body_coding> find_coding(std::string_view content_encoding) noexcept;

/// The type and subtype of a media type with parameters, e.g. "text/csv".
[[nodiscard]] std::string_view essence(std::string_view media_type) noexcept;

/// ASCII strings are equal but for case.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

} // namespace telemetry::net
