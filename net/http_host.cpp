#include "net/http_host.hpp"

#include <algorithm>

namespace telemetry::net {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_hex_digit(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Whether `c` is unreserved or a sub-delim of RFC 3986.
bool is_name_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-._~!$&'()*+,;=").find(c) != std::string_view::npos;
}

bool is_registered_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (is_name_char(name[i]))
      continue;
    if (name[i] != '%' || i + 2 >= name.size() || !is_hex_digit(name[i + 1]) ||
        !is_hex_digit(name[i + 2]))
      return false;
    i += 2;
  }
  return true;
}

/// Whether brackets may contain `text`: an IPv6 address, perhaps with a zone, or a later IP
/// version.
bool is_bracketed(std::string_view text) noexcept {
  return text.find(':') != std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return is_name_char(c) || c == ':' || c == '%'; });
}

} // namespace

bool is_host(std::string_view value) noexcept {
  std::string_view port;
  if (value.starts_with('[')) {
    const auto end = value.find(']');
    if (end == std::string_view::npos || !is_bracketed(value.substr(1, end - 1)))
      return false;
    port = value.substr(end + 1);
  } else {
    const auto colon = std::min(value.find(':'), value.size());
    if (!is_registered_name(value.substr(0, colon)))
      return false;
    port = value.substr(colon);
  }
  return port.empty() || (port.front() == ':' && std::ranges::all_of(port.substr(1), is_digit));
}

} // namespace telemetry::net
