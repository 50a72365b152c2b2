#pragma once

#include "net/rest/body_events.hpp"
#include "net/rest/rest_handler.hpp"

#include <memory>
#include <string>

namespace telemetry::net {

/// POST /api/events, as answer_request(). Reads the body in steps, between which other sessions of
/// the thread have their turn.
[[nodiscard]] std::shared_ptr<rest_operation>
ingest_body(http_request request, session_context& context, answer_callback done);

/// The answer's body (PROTOCOL.md §3): what the reader refused and what the engine did, with the
/// engine's refusals at the lines that they came from.
[[nodiscard]] std::string format_ingest_answer(const parsed_body& body,
                                               const ingest_outcome& outcome);

} // namespace telemetry::net
