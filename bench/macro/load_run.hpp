#pragma once

#include "bench/macro/fleet.hpp"
#include "bench/macro/producer.hpp"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <vector>

namespace telemetry::bench {

struct load_options {
  server_port port;
  std::size_t connections;
  /// Messages in flight per connection, and events per message.
  producer_options message;
  /// Every connection sends this many messages ...
  std::uint64_t messages_per_connection;
  /// ... or sends for so long, if this is not 0.
  double seconds;
  /// Open loop: events per second of all connections; 0 is closed loop.
  double rate;
  /// Sending ends when this is not 0. A signal handler may set it.
  const volatile std::sig_atomic_t* stop;
};

/// Sends the events of a fleet over many connections, from one thread.
///
/// Closed loop: a connection sends as soon as its window has room; latency counts from the send.
/// Open loop: messages are due at a fixed rate, on the connections in turn, independent of the
/// answers; latency counts from the time when a message was due (no coordinated omission).
class load_run {
public:
  /// Connects all producers. @throws std::system_error, std::runtime_error
  load_run(const load_options& options, fleet& events);

  /// Sends and waits for every answer. Blocking.
  /// @throws std::runtime_error on a close, a broken protocol, or 30 s without an answer.
  void run();

  /// Keeps the connections open and sends only pongs. Blocking.
  /// @throws std::runtime_error on a close.
  void hold(std::chrono::milliseconds how_long);

  /// Sends a close frame on every connection.
  void close();

  [[nodiscard]] const tally& totals() const { return totals_; }
  [[nodiscard]] double seconds() const { return seconds_; }

private:
  struct connection {
    producer peer;
    std::uint64_t queued = 0;
    /// Open loop: messages that are due, sent or not.
    std::uint64_t due = 0;
    bool polled_for_write = false;
  };

  [[nodiscard]] std::uint64_t quota(const connection& at) const;
  [[nodiscard]] std::int64_t due_ns(std::size_t lane, std::uint64_t message) const;
  void make_due(std::int64_t now);
  void fill(std::size_t lane, std::int64_t now);
  void flush(std::size_t lane);
  void wait_and_receive(std::int64_t wait_ns);
  [[nodiscard]] std::int64_t until_next_due_ns() const;
  [[nodiscard]] bool finished(std::int64_t now);

  load_options options_;
  fleet& events_;
  tally totals_;
  descriptor epoll_;
  std::vector<connection> connections_;
  std::string buffer_;
  std::int64_t start_ns_ = 0;
  std::int64_t last_answer_ns_ = 0;
  std::int64_t interval_ns_per_message_ = 0;
  std::uint64_t scheduled_ = 0;
  std::uint64_t in_flight_ = 0;
  bool time_is_up_ = false;
  double seconds_ = 0;
};

} // namespace telemetry::bench
