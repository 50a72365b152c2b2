#pragma once

#include "core/result.hpp"
#include "net/rest/http_message.hpp"

#include <string_view>

namespace telemetry::net {

/// The phrase of an HTTP status that this server uses, e.g. "Not Found".
[[nodiscard]] std::string_view status_phrase(int status) noexcept;

/// An error answer: application/problem+json (RFC 9457) of type about:blank.
/// @param target the request's target, whose path becomes `instance`; "" if it could not be read.
/// @param detail one sentence for a person, valid UTF-8.
[[nodiscard]] http_answer make_problem(int status, std::string_view target,
                                       std::string_view detail);

/// The answer to a request that the engine failed: 503 (with Retry-After), 504 or 500.
[[nodiscard]] http_answer make_problem(const failure& why, std::string_view target);

} // namespace telemetry::net
