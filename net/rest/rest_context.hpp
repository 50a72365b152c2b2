#pragma once

#include "net/caller.hpp"
#include "net/rest/api.hpp"
#include "net/rest/http_budget.hpp"
#include "net/rest/http_message.hpp"
#include "net/rest/http_target.hpp"
#include "net/server_options.hpp"

#include <memory>

namespace telemetry::net {

/// The objects that a handler uses to answer a request. All except `who` outlive the request.
///
/// Thread: the session's I/O thread only.
struct rest_context {
  const server_options& options;
  api& engine;
  io_thread& io;
  request_budget& memory;
  caller_ptr who;
};

/// A request that waits for the engine.
///
/// Thread: the session's I/O thread only. Owned by the session; destroying it drops the answer.
class rest_operation {
public:
  virtual ~rest_operation() = default;
};

/// A request whose head passed the checks, with its parsed target.
struct routed_request {
  http_request request;
  http_target target;
};

/// Answers a request, later or within the call. `done` is called once, on the I/O thread, but not
/// after the operation is destroyed.
/// @returns what is under way; may be nullptr if nothing is kept.
using rest_handler = std::shared_ptr<rest_operation>(routed_request asked, rest_context context,
                                                     answer_callback done);

} // namespace telemetry::net
