#pragma once

#include "core/result.hpp"
#include "net/rest/api.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::net {

/// Most errors that an answer lists. The counts are exact.
inline constexpr std::size_t listed_errors_max = 100;

/// Most lines, or elements, that a step reads. Reading them takes about 0.2 ms.
inline constexpr std::size_t step_lines_max = 512;

/// Most events of a part of a body, see body_reader::is_full().
inline constexpr std::size_t part_events_max = 32'768;

/// Formats of the body of POST /api/events.
enum class body_format { csv, json, ndjson };

/// The format of a Content-Type; nullopt if it has none.
[[nodiscard]] std::optional<body_format> find_body_format(std::string_view media_type) noexcept;

/// Why a line (or an element of an array), counted from 1, is not an event.
struct line_error {
  std::uint64_t line;
  std::string reason;
};

/// The events of a body or of a part of it, and the lines that are not events.
struct parsed_body {
  std::vector<ingest_line> events;
  std::vector<std::uint32_t> lines; ///< of each event, counted from 1
  std::vector<line_error> errors;   ///< the first listed_errors_max
  std::uint64_t invalid = 0;        ///< number of lines that are not events

  /// Makes room for all events that `body_bytes` can hold, each of `event_bytes_min` or more. A
  /// vector that doubles its room would move up to a million events in one step (see
  /// steady_growth.hpp). Room that is not used costs addresses but no memory.
  void reserve(std::size_t body_bytes, std::size_t event_bytes_min) {
    events.reserve(body_bytes / event_bytes_min + 1);
    lines.reserve(body_bytes / event_bytes_min + 1);
  }
};

/// Reads a body in steps, so that a large body does not delay the other sessions of its thread.
///
/// A line or an element of an array has a limit of its own, because it is read in one step. A line
/// above the limit is invalid; the search for its end goes on in steps.
class body_reader {
public:
  virtual ~body_reader() = default;
  /// Reads about `bytes` more, exceeded by one line at most, and at most step_lines_max lines.
  /// @returns whether the whole body is read; errc::malformed if the body is refused as a whole,
  ///          with all its events. Must not be called again after either.
  [[nodiscard]] virtual result<bool> advance(std::size_t bytes) = 0;
  /// Whether take() has to be called before advance() reads on. The lines of a body count one by
  /// one, so the events of short lines, which take more memory than their text, are taken in parts.
  /// An array counts as a whole.
  [[nodiscard]] virtual bool is_full() const noexcept { return false; }
  /// The events and errors since the last call. @pre advance() returned true, or is_full().
  [[nodiscard]] virtual parsed_body take() = 0;
};

/// A byte order mark at the start of `body` is skipped.
/// @param line_bytes_max limit of a line without its line end, and of an element of an array.
[[nodiscard]] std::unique_ptr<body_reader> make_body_reader(body_format format, std::string body,
                                                            std::size_t line_bytes_max);

} // namespace telemetry::net
