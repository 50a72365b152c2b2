#pragma once

#include <string_view>

namespace telemetry::net {

/// Whether `value` can be the value of a Host header: `uri-host [ ":" port ]` (RFC 9110, 7.2, and
/// RFC 3986, 3.2.2). An empty host is legal. In brackets the characters are checked, not the
/// address itself, because some clients send the zone of a link-local address there.
[[nodiscard]] bool is_host(std::string_view value) noexcept;

} // namespace telemetry::net
