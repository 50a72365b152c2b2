#pragma once

#include "actors/engine_context.hpp"
#include "net/rest/api.hpp"

#include <memory>

namespace telemetry {

/// Queries of clients. Each reads memory first, then the store (rule 29), and answers on the I/O
/// thread `io`, maybe within the call. Call them on that thread. They never block.
///
/// The answer of a shard is exact as of one turn of the robot, and includes the last timestamp that
/// the store had in that turn. Of the store, only the rows up to that timestamp are used, and these
/// are final. Therefore rows of memory and of a newer store are never mixed, and odometers need no
/// second fold (rule 30, ADR 0005).
namespace query {

void robot(engine_context& context, net::io_thread& io, std::string name,
           net::callback<std::optional<robot_state>> done);

void odometer(engine_context& context, net::io_thread& io, std::string name, timestamp_ms from,
              timestamp_ms to, net::callback<double> done);

std::unique_ptr<net::pull_stream<event_row>> events(engine_context& context, net::io_thread& io,
                                                    std::string name, timestamp_ms from,
                                                    timestamp_ms to, std::size_t limit);

std::unique_ptr<net::pull_stream<net::named_robot>>
robots(engine_context& context, net::io_thread& io, const name_filter& permitted,
       const std::string& after, std::size_t limit);

} // namespace query
} // namespace telemetry
