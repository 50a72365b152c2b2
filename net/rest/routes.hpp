#pragma once

#include "net/rest/route.hpp"

#include <span>

namespace telemetry::net {

/// The address of WebSockets.
inline constexpr std::string_view upstream_pattern = "/upstream";

/// Everything that the server answers. No method of an address stands in two rows.
[[nodiscard]] std::span<const route> all_routes() noexcept;

} // namespace telemetry::net
