#pragma once

#include "net/rest/http_message.hpp"
#include "net/rest/http_target.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace telemetry::net {

/// What the server has an address for.
enum class endpoint {
  robots,
  robot,
  robot_events,
  robot_odometer,
  ingest,
  upstream,
  livez,
  readyz,
  version
};

/// The endpoint that a path leads to; nothing if there is none. The robot of the endpoints that
/// have one is path[2]; it is never empty.
[[nodiscard]] std::optional<endpoint> find_endpoint(const http_target& target) noexcept;

/// The address that a path without an endpoint most likely means: the same path without slashes at
/// its start or end, or doubled ones. It begins with one '/' and is percent-encoded.
/// @returns nullopt if that is no endpoint either, or the name of a robot would be left out.
[[nodiscard]] std::optional<std::string> address_meant(const http_target& target);

/// `method` is one that `where` answers. OPTIONS always is.
[[nodiscard]] bool allows(endpoint where, http_method method) noexcept;

/// The value of `where`'s Allow header.
[[nodiscard]] std::string_view allowed_methods(endpoint where) noexcept;

} // namespace telemetry::net
