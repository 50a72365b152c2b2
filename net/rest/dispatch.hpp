#pragma once

#include "net/callers.hpp"
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

/// The route of a request, and its caller.
struct rest_route {
  http_target target;
  endpoint where = endpoint::rest;
  const route* row = nullptr;
  caller_ptr who;
};

/// How find_route() identifies callers.
struct identification {
  const callers& known;
  /// The caller of a connection through the door; nullptr for other connections. It counts for
  /// requests that show nothing else.
  caller_ptr local;
};

/// A request that was refused because of its caller, for the log.
struct access_refusal {
  refusal why;
  std::string_view key_id;  ///< "" if no such key exists; views identification::known or `route`
  std::string_view pattern; ///< of the route
};

/// Judges a request by its head alone, before its body is read. Finds its route, and refuses the
/// request (400, 404, 405, then 401, 403 because of its caller, then 415) or answers OPTIONS. It is
/// the only way to a handler.
/// @param refused is set for 401 and 403
/// @returns the answer; or nullopt, and `route` is set.
std::optional<http_answer> find_route(const http_request& request, const identification& from,
                                      rest_route& route,
                                      std::optional<access_refusal>* refused = nullptr);

/// 401, for a request whose caller lost its right while the body was on its way.
[[nodiscard]] http_answer answer_ended_right(std::string_view target);

/// Answers a request that find_route() let pass, by the rest_handler of its route
/// (net/rest/rest_context.hpp has the type). A long answer is compressed if the client asks for it
/// (ADR 0057).
[[nodiscard]] std::shared_ptr<rest_operation>
answer_request(http_request request, rest_route route, rest_context context, answer_callback done);

} // namespace telemetry::net
