#pragma once

#include "net/rest/body_events.hpp"
#include "net/rest/rest_context.hpp"

#include <optional>
#include <string>

namespace telemetry::net {

/// Refuses a body whose type or coding is not understood, before it is read: 415.
[[nodiscard]] std::optional<http_answer> judge_ingest(const http_request& request);

/// POST /api/events. Reads the body in steps, between which other sessions of the thread have their
/// turn.
rest_handler ingest_body;

/// The answer's body (PROTOCOL.md §3): what the reader refused and what the engine did, with the
/// engine's refusals at the lines that they came from.
[[nodiscard]] std::string format_ingest_answer(const parsed_body& body,
                                               const ingest_outcome& outcome);

} // namespace telemetry::net
