#pragma once

#include <algorithm>
#include <string_view>

namespace telemetry::net {

/// Whether a token, such as a method or the name of a field, may contain `c` (RFC 9110, 5.6.2).
[[nodiscard]] constexpr bool is_token_char(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

} // namespace telemetry::net
