#pragma once

#include "core/result.hpp"
#include "net/rest/api.hpp"

#include <string_view>

namespace telemetry::net {

/// Reads one line of a CSV body, without its line end: the fields of an event in wire order, any of
/// them quoted (RFC 4180). A quoted field ends on its line, because no field of an event may hold
/// a line break.
/// @returns errc::malformed with one short sentence that names the field.
result<ingest_line> parse_csv_line(std::string_view line);

} // namespace telemetry::net
