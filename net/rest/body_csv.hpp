#pragma once

#include "core/result.hpp"
#include "net/rest/api.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace telemetry::net {

/// Bytes of the shortest event, `0,0,0,a`, and of a line end.
inline constexpr std::size_t csv_event_bytes_min = 8;

/// The columns of a CSV body that hold the fields of an event.
class csv_columns {
public:
  /// The order of the wire: `x,y,timestamp,robot_name`.
  csv_columns() = default;

  /// Reads the first line of a body, without its line end. The column names are `x`, `y`,
  /// `timestamp`, and `robot` or `robot_name`, with any case and spaces around them. The line is a
  /// header if two of its fields are column names, or if one is and no field begins like a number,
  /// or if it has several fields of which none is empty or begins like a number. By these rules an
  /// event of a robot named `x` is not a header.
  /// @returns nullopt if the line is not a header; errc::malformed if it names none of these
  ///          columns, lacks one, or names one twice.
  static result<std::optional<csv_columns>> from_header(std::string_view line);

  /// Reads one line, without its line end. Any field may be quoted (RFC 4180). A quoted field ends
  /// on its line, because no field of an event may hold a line break.
  /// @returns errc::malformed with one short sentence that names the field.
  [[nodiscard]] result<ingest_line> read(std::string_view line) const;

private:
  static constexpr std::size_t event_fields = 4;

  [[nodiscard]] bool is_wire_order() const noexcept;
  /// The field of an event, in wire order, that a column holds; event_fields if it holds none.
  [[nodiscard]] std::size_t field_of(std::size_t column) const noexcept;
  [[nodiscard]] failure too_many_fields() const;

  std::array<std::size_t, event_fields> column_of_{0, 1, 2, 3}; ///< of x, y, timestamp, robot_name
  std::size_t columns_ = event_fields;
  bool has_header_ = false;
};

} // namespace telemetry::net
