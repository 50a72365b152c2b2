#pragma once

#include "core/result.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telemetry::net {

/// A request target, percent-decoded once (PROTOCOL.md §4): `%2F` is part of a segment. `+` is a
/// space in the query and a plus in the path.
struct http_target {
  std::vector<std::string> path; ///< segments; "/a/b" is {"a", "b"}, "/a/" is {"a", ""}
  std::vector<std::pair<std::string, std::string>> query; ///< in order; a lone key has the value ""
};

/// Splits a target in origin form or absolute form.
/// @returns errc::malformed for any other form, for a bad percent escape, and for a segment that is
///          written `.` or `..`, because clients and proxies take such segments out of a path.
result<http_target> parse_target(std::string_view target);

/// Appends `text` with percent escapes for all but the unreserved characters (RFC 3986).
void append_percent_encoded(std::string& out, std::string_view text);

/// Appends a name as a segment of a path: as append_percent_encoded(), and `.` and `..` as escapes.
void append_segment(std::string& out, std::string_view name);

/// The path of `target` as a URI reference for a problem's `instance`: ASCII, without its query.
[[nodiscard]] std::string instance_of(std::string_view target);

} // namespace telemetry::net
