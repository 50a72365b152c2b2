#pragma once

#include "actors/engine_context.hpp"
#include "net/rest/api.hpp"

#include <memory>

namespace telemetry {

/// QUERY: one short-lived actor per question; asks memory first, then the store (rule 29), and
/// answers on the asker's I/O thread. Any thread may start one.
///
/// What a shard says is exact as of one turn of the robot, with the last timestamp that the store
/// had then: of the store, only rows up to there count, which are final. So rows of memory and of
/// a newer store are never mixed, and running values need no second fold (rule 30).
namespace query {

void robot(engine_context& context, net::io_thread& io, std::string name,
           net::callback<std::optional<robot_state>> done);

void odometer(engine_context& context, net::io_thread& io, std::string name, timestamp_ms from,
              timestamp_ms to, net::callback<double> done);

std::unique_ptr<net::pull_stream<event_row>> events(engine_context& context, net::io_thread& io,
                                                    std::string name, timestamp_ms from,
                                                    timestamp_ms to, std::size_t limit);

std::unique_ptr<net::pull_stream<net::named_robot>>
robots(engine_context& context, net::io_thread& io, std::string after, std::size_t limit);

} // namespace query
} // namespace telemetry
