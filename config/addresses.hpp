#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::config {

/// Where a server listens.
struct address {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const address&, const address&) = default;
};

/// Reads "host", "host:port", "[::1]:port", several separated by commas. Pure.
/// @param standard_port of an address that names none.
/// @returns nothing if `text` is malformed or names no host.
[[nodiscard]] std::optional<std::vector<address>> read_addresses(std::string_view text,
                                                                 std::uint16_t standard_port);

} // namespace telemetry::config
