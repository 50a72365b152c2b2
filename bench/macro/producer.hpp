#pragma once

#include "bench/macro/channel.hpp"
#include "bench/macro/fleet.hpp"
#include "bench/macro/histogram.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::bench {

/// Answer lines, by their first word.
struct answer_counts {
  std::uint64_t ok = 0;
  std::uint64_t stale = 0;
  std::uint64_t conflict = 0;
  std::uint64_t err = 0;
  /// The first answer that was not OK.
  std::string first_refusal;

  [[nodiscard]] std::uint64_t total() const { return ok + stale + conflict + err; }
};

/// The results of all producers of a run.
struct tally {
  answer_counts answers;
  histogram latency;
  /// Open loop: time from the intended to the actual send. Large values mean that the generator was
  /// too slow or a window was full.
  histogram lateness;
  std::uint64_t messages_sent = 0;
  std::uint64_t bytes_sent = 0;
};

struct producer_options {
  std::size_t window;
  std::size_t lines;
};

/// One WebSocket connection. Keeps up to `window` messages in flight and matches answers to them.
class producer {
public:
  /// Connects and does the handshake. Blocking. @throws std::system_error, std::runtime_error
  producer(const server_port& port, std::size_t lane, producer_options options);

  [[nodiscard]] int fd() const { return channel_.fd(); }
  [[nodiscard]] bool window_full() const { return in_flight_ == options_.window; }
  [[nodiscard]] bool wants_to_write() const { return !out_.empty(); }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

  /// Queues one message of `lines` events; its latency counts from `from_ns`.
  /// @pre !window_full()
  void queue(fleet& events, tally& totals, std::int64_t from_ns);

  /// Sends queued bytes, as many as the socket takes. @throws std::system_error
  void flush();

  /// Takes the answers that are in the socket. `buffer` is scratch space shared by all producers.
  /// @returns messages answered. @throws std::runtime_error on a close or a broken protocol.
  std::size_t receive(tally& totals, std::string& buffer);

  /// Sends a close frame.
  void close();

private:
  void shake_hands(const server_port& port);
  std::size_t take_frames(std::string_view& in, tally& totals);
  void take_answer(std::string_view payload, tally& totals, std::int64_t now_ns);

  channel channel_;
  std::size_t lane_;
  producer_options options_;
  random_source masks_;
  std::string message_;
  std::string out_;
  std::string incomplete_;
  /// Start times of the messages in flight: a ring of `window` places.
  std::vector<std::int64_t> started_ns_;
  std::size_t oldest_ = 0;
  std::size_t in_flight_ = 0;
};

/// Monotonic time.
std::int64_t now_ns();

} // namespace telemetry::bench
