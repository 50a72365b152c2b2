#pragma once

#include "bench/macro/fleet.hpp"
#include "bench/macro/histogram.hpp"
#include "bench/macro/peer_protocol.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::bench {

struct peer_options {
  std::uint16_t port;
  /// At most as many as the fleet has lanes.
  std::size_t connections;
  /// Lanes of the fleet. The events depend on them, so they are the same for all peers.
  std::size_t lanes;
  /// Requests in flight per connection.
  std::size_t window;
  std::size_t events_per_request;
  std::uint64_t requests_per_connection;
  /// Whether the peer will be killed. If so, the end of a connection ends the run without an error.
  bool until_killed;
};

/// The results of a run.
struct peer_tally {
  /// Requests acknowledged, by connection. Those of a connection are acknowledged in their order.
  std::vector<std::uint64_t> acknowledged;
  /// Time from queueing a request to its acknowledgement.
  histogram latency;
  double seconds = 0;
};

/// The events of one connection, one event of each of its lanes in turn.
class connection_feed {
public:
  connection_feed(fleet& events, const peer_options& options, std::size_t connection)
      : events_(events), options_(options), connection_(connection), lane_(connection) {}

  /// The events of the next request; valid until the next call.
  std::span<const event_fields> next();

private:
  fleet& events_;
  const peer_options& options_;
  std::size_t connection_;
  std::size_t lane_;
  std::string lines_;
  std::vector<event_fields> fields_;
};

/// Makes the protocol of the connection with this number.
using protocol_maker = std::function<std::unique_ptr<peer_protocol>(std::size_t)>;

/// Closed loop over sockets, all connections on the calling thread. Blocking.
/// @throws refused, std::system_error, std::runtime_error after 60 s without an answer.
peer_tally run_sockets(const peer_options& options, fleet& events, const protocol_maker& make);

/// One INSERT of `events_per_request` rows in flight per connection, each on a thread of its own.
/// @pre window is 1. Blocking. @throws refused
peer_tally run_mysql(const peer_options& options, fleet& events);

} // namespace telemetry::bench
