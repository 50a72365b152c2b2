#pragma once

#include "net/rest/rest_context.hpp"
#include "net/rest/route.hpp"

#include <memory>
#include <optional>

namespace telemetry::net {

/// The part of the server that continues with a request.
enum class endpoint {
  rest,    ///< the rest_handler of its route
  upstream ///< the session, if the request is a WebSocket handshake
};

/// The route of a request.
struct rest_route {
  http_target target;
  endpoint where = endpoint::rest;
  const route* row = nullptr;
};

/// Judges a request by its head alone, before its body is read. Finds its route, refuses the
/// request (400, 404, 405, 415) or answers OPTIONS. A check of the caller's rights belongs here,
/// because the route and its scope are known and the body is not read; nothing checks rights yet
/// (route.hpp).
/// @returns the answer; or nullopt, and `route` is set.
std::optional<http_answer> find_route(const http_request& request, rest_route& route);

/// Answers a request that find_route() let pass, by the rest_handler of its route
/// (net/rest/rest_context.hpp has the type). A long answer is compressed if the client asks for it
/// (ADR 0057).
[[nodiscard]] std::shared_ptr<rest_operation>
answer_request(http_request request, rest_route route, rest_context context, answer_callback done);

} // namespace telemetry::net
