#pragma once

#include "net/rest/api.hpp"
#include "net/rest/format_media.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Writes rows as text, piece by piece.
template <class Row>
class row_writer {
public:
  virtual ~row_writer() = default;
  /// Appends rows, which follow those of earlier calls.
  virtual void append(std::span<const Row> rows, std::string& out) = 0;
  /// Appends the end of the text. To be called once, as the last call.
  virtual void finish(std::string& out) = 0;
};

/// Writes the events of `robot`, a name in valid UTF-8, in timestamp order (PROTOCOL.md §4).
[[nodiscard]] std::unique_ptr<row_writer<event_row>> make_event_writer(event_format format,
                                                                       std::string_view robot);

/// The CSV of make_event_writer() for a spreadsheet: an apostrophe is put before a name that the
/// program would run as a formula (`=…`, `+…`, `-…`, `@…`). Numbers stay as they are.
[[nodiscard]] std::unique_ptr<row_writer<event_row>> make_safe_csv_writer(std::string_view robot);

/// Writes a JSON array of robot objects.
[[nodiscard]] std::unique_ptr<row_writer<named_robot>> make_robot_writer();

} // namespace telemetry::net
