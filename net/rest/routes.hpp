#pragma once

#include "net/rest/route.hpp"

#include <span>

namespace telemetry::net {

/// The address of WebSockets.
inline constexpr std::string_view upstream_pattern = "/upstream";

/// The table of all addresses that the server answers. A new address is a new row in routes.cpp. No
/// method of an address stands in two rows.
[[nodiscard]] std::span<const route> all_routes() noexcept;

} // namespace telemetry::net
