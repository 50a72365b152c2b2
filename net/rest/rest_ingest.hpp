#pragma once

#include "net/rest/body_events.hpp"
#include "net/rest/rest_context.hpp"

#include <optional>
#include <string>

namespace telemetry::net {

/// Refuses a body of an unknown type or coding with 415, before it is read.
[[nodiscard]] std::optional<http_answer> judge_ingest(const http_request& request);

/// POST /api/events. Reads the body in steps, between which other sessions of the thread have their
/// turn.
rest_handler ingest_body;

/// The answer's body (PROTOCOL.md §3): the errors of the reader and the outcome of the engine. The
/// engine's refusals are given with the numbers of their lines.
[[nodiscard]] std::string format_ingest_answer(const parsed_body& body,
                                               const ingest_outcome& outcome);

} // namespace telemetry::net
