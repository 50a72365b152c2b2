#include "config/addresses.hpp"

#include <algorithm>
#include <charconv>

namespace telemetry::config {
namespace {

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (fault != std::errc() || end != text.data() + text.size() || port == 0)
    return std::nullopt;
  return port;
}

std::optional<address> read_address(std::string_view text, std::uint16_t standard_port) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) { // IPv6
    const auto end = text.find(']');
    if (end == std::string_view::npos)
      return std::nullopt;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (host.empty() || host.find_first_of(" []") != std::string_view::npos)
    return std::nullopt;
  if (port.empty())
    return address{std::string(host), standard_port};
  const auto number = port.starts_with(':') ? read_port(port.substr(1)) : std::nullopt;
  if (!number)
    return std::nullopt;
  return address{std::string(host), *number};
}

} // namespace

std::optional<std::vector<address>> read_addresses(std::string_view text,
                                                   std::uint16_t standard_port) {
  std::vector<address> all;
  for (;;) {
    const auto comma = text.find(',');
    auto one = read_address(text.substr(0, comma), standard_port);
    if (!one)
      return std::nullopt;
    all.push_back(std::move(*one));
    if (comma == std::string_view::npos)
      return all;
    text.remove_prefix(comma + 1);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
}

} // namespace telemetry::config
