#pragma once

#include "bench/macro/channel.hpp"
#include "bench/macro/fleet.hpp"

#include <cstdint>
#include <string>

namespace telemetry::bench {

struct verification {
  std::size_t robots_right = 0;
  std::size_t robots_wrong = 0;
  std::string first_difference;
  /// Time and size of the list of all robots.
  double list_ms = 0;
  std::size_t list_bytes = 0;
};

/// Compares every robot of the fleet with the server's list (GET /api/robots): count, last event,
/// and odometer bit by bit. Robots of other fleets are ignored.
/// @throws std::runtime_error if the list cannot be read.
verification verify(const server_port& port, const fleet& expected);

} // namespace telemetry::bench
