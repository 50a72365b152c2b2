#pragma once

#include "net/rest/rest_context.hpp"
#include "net/rest/route.hpp"

#include <memory>
#include <optional>

namespace telemetry::net {

/// Who goes on with a request.
enum class endpoint {
  rest,    ///< a handler
  upstream ///< the session, if the request is a WebSocket handshake
};

/// Where a request leads.
struct rest_route {
  http_target target;
  endpoint where = endpoint::rest;
  const route* row = nullptr;
};

/// Judges a request by its head alone, before its body is read: finds its route, or refuses it
/// (400, 404, 405, 415) or answers OPTIONS.
/// @returns the answer, or nothing: then `route` is set.
std::optional<http_answer> find_route(const http_request& request, rest_route& route);

/// Answers a request that find_route() let pass, as a rest_handler does. A long answer is
/// compressed if the client asks for it (ADR 0057).
[[nodiscard]] std::shared_ptr<rest_operation>
answer_request(http_request request, rest_route route, rest_context context, answer_callback done);

} // namespace telemetry::net
