#pragma once

#include "net/rest/http_message.hpp"
#include "net/rest/router.hpp"
#include "net/session.hpp"

#include <memory>
#include <optional>

namespace telemetry::net {

/// A request on its way through the engine.
///
/// Thread: the session's I/O thread only. Owned by the session; destroying it drops the answer.
class rest_operation {
public:
  virtual ~rest_operation() = default;
};

/// Where a request leads.
struct rest_route {
  http_target target;
  endpoint where;
};

/// Judges a request by its head alone, before its body is read: finds its route, or refuses it
/// (400, 404, 405, 415) or answers OPTIONS.
/// @returns the answer, or nothing: then `route` is set.
std::optional<http_answer> find_route(const http_request& request, rest_route& route);

/// Answers a request that find_route() let pass, later or within the call. `done` is called once,
/// on the I/O thread, but not after the operation is destroyed.
/// @returns what is under way; may be nullptr if nothing is kept.
[[nodiscard]] std::shared_ptr<rest_operation> answer_request(http_request request, rest_route route,
                                                             session_context& context,
                                                             answer_callback done);

} // namespace telemetry::net
