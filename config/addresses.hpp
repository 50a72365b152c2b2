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

/// Reads "host", "host:port" or "[::1]:port", or several of them separated by commas. Pure.
/// @param standard_port is used for an address without a port.
/// @returns nullopt if `text` is malformed or an address has no host.
[[nodiscard]] std::optional<std::vector<address>> read_addresses(std::string_view text,
                                                                 std::uint16_t standard_port);

} // namespace telemetry::config
