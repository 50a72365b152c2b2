#pragma once

#include "bench/macro/socket.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace telemetry::bench {

/// The fields of a fleet's line `x,y,timestamp,robot`.
struct event_fields {
  std::string_view x;
  std::string_view y;
  std::string_view timestamp;
  std::string_view robot;
};

/// @pre `line` is a line of fleet::append_event().
event_fields fields_of(std::string_view line);

/// The peer gave an answer other than an acknowledgement.
struct refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The protocol of one connection to a peer: events in, acknowledgements out.
///
/// Thread-safety: none; one object per connection. Blocking: only greet().
class peer_protocol {
public:
  peer_protocol() = default;
  peer_protocol(const peer_protocol&) = delete;
  peer_protocol& operator=(const peer_protocol&) = delete;
  virtual ~peer_protocol() = default;

  /// Does the handshake of the protocol, if it has one.
  /// @throws refused, std::system_error
  virtual void greet(int) {}

  /// Appends one request that stores `events`, which is not empty.
  virtual void append_request(std::string& out, std::span<const event_fields> events) = 0;

  /// Takes the whole answers from the front of `in`.
  /// @returns how many requests they acknowledge. @throws refused on any other answer.
  virtual std::size_t take_answers(std::string_view& in) = 0;
};

/// Line protocol in a POST, for InfluxDB 1.x and VictoriaMetrics.
std::unique_ptr<peer_protocol> make_line_protocol(std::uint16_t port);
/// An entry in the robot's stream, and its latest state in a hash: two commands per event.
std::unique_ptr<peer_protocol> make_redis_protocol();
/// MQTT 3.1.1: QoS 1, retained, so that the broker has the latest state of each robot.
/// @pre requests have one event each. `client` makes the client's name unique.
std::unique_ptr<peer_protocol> make_mqtt_protocol(std::size_t client);
/// telemetryd itself: lines in a WebSocket message.
std::unique_ptr<peer_protocol> make_upstream_protocol(std::uint16_t port, std::size_t client);

/// Receives at least `size` bytes on a blocking socket. @throws refused if the peer hangs up.
std::string receive_at_least(int fd, std::size_t size);

} // namespace telemetry::bench
