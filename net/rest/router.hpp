#pragma once

#include "net/rest/http_target.hpp"
#include "net/rest/routes.hpp"

#include <optional>
#include <string>

namespace telemetry::net {

/// The row of an address and a method; nullptr if there is none.
[[nodiscard]] const route* find_row(const http_target& target, http_method method) noexcept;

/// The methods that an address answers besides OPTIONS; empty if no route has the address.
[[nodiscard]] method_set methods_at(const http_target& target) noexcept;

/// The methods that any address answers besides OPTIONS.
[[nodiscard]] method_set methods_anywhere() noexcept;

/// The value of an Allow header: `methods`, and OPTIONS, which every address answers.
[[nodiscard]] std::string allow_list(method_set methods);

/// The address that a path without a route most likely means: the same path without doubled slashes
/// and without slashes at its start or end. It begins with one '/' and is percent-encoded.
/// @returns nullopt if this address has no route either, or if it lacks the name of a robot.
[[nodiscard]] std::optional<std::string> address_meant(const http_target& target);

/// All patterns once each, for a person: "/api/robots, /api/robots/<robot>, …".
[[nodiscard]] std::string list_of_addresses();

} // namespace telemetry::net
