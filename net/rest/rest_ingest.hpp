#pragma once

#include "net/rest/body_events.hpp"
#include "net/rest/rest_context.hpp"

#include <optional>
#include <string>
#include <vector>

namespace telemetry::net {

/// Refuses a body of an unknown type or coding with 415, before it is read.
[[nodiscard]] std::optional<http_answer> judge_ingest(const http_request& request);

/// POST /api/events. Reads the body in steps, between which other sessions of the thread have their
/// turn.
rest_handler ingest_body;

/// The answer to a body (PROTOCOL.md §3), added up part by part.
class ingest_summary {
public:
  /// Adds the reader's errors in `part` and the engine's outcome for its events. The engine's
  /// refusals get the numbers of their lines. Parts are added in the order of their lines.
  void add(const parsed_body& part, const ingest_outcome& outcome);
  /// The answer's JSON text.
  [[nodiscard]] std::string text() const;

private:
  ingest_outcome counts_; ///< `refused` and `refusals` are not used
  std::vector<line_error> errors_;
  std::uint64_t invalid_ = 0;
};

} // namespace telemetry::net
