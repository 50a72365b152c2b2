#pragma once

#include "access/key.hpp"
#include "core/result.hpp"

#include <string>
#include <string_view>

namespace telemetry::access {

inline constexpr std::size_t prefixes_max = 256; ///< of one key

/// Whether a line of a keys file is empty or a comment, which begins with '#'.
[[nodiscard]] inline bool is_blank_line(std::string_view line) noexcept {
  return line.empty() || line == "\r" || line.front() == '#';
}

/// Reads a line of a keys file: a JSON object. A member that is unknown, repeated or missing is an
/// error, because "prefix" written for "prefixes" must not widen a right.
/// Errors: malformed. The text says which member and why, and repeats nothing of the line.
[[nodiscard]] result<key> read_key_line(std::string_view line);

/// The line of `one`, without its end.
[[nodiscard]] std::string write_key_line(const key& one);

} // namespace telemetry::access
