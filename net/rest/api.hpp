#pragma once

#include "core/result.hpp"
#include "core/robot_state.hpp"
#include "net/caller.hpp"
#include "net/io_thread.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::net {

/// Gets an answer on the I/O thread that asked, later or within the call.
template <class T>
using callback = std::function<void(result<T>)>;

struct named_robot {
  std::string name;
  robot_state state;
};

/// A long answer in pieces. The session pulls them as fast as the client reads.
template <class T>
class pull_stream {
public:
  /// Ends the stream. A pending callback is not called.
  virtual ~pull_stream() = default;
  /// Asks for the next piece, in order. An empty piece ends the stream. One call at a time.
  virtual void next(callback<std::vector<T>> done) = 0;
};

/// A well-formed event of a POST body.
struct ingest_line {
  std::string robot;
  position at;
  timestamp_ms timestamp;
};

/// Verdict counts of an ingest, and the events that were refused before the journal. `refused` is
/// exact; the list has at most 100 entries, and their `index` counts from 0.
struct ingest_outcome {
  std::uint64_t accepted = 0;
  std::uint64_t conflict = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t stale = 0;
  std::uint64_t refused = 0;
  struct refusal {
    std::size_t index;
    std::string reason;
  };
  std::vector<refusal> refusals;
};

/// The engine, as REST uses it.
///
/// Thread: any I/O thread; `io` is the one that asks. Nothing blocks. Every question is answered
/// within query.timeout, by errc::timeout at the latest; errc::unavailable while the store (for
/// reads) or the journal (for ingest) is away. Who may not use a robot gets no permitted_name of
/// it, so its existence cannot be found out.
class api {
public:
  virtual ~api() = default;

  /// The state of a robot; nullopt if it is unknown.
  virtual void robot(io_thread& io, permitted_name name,
                     callback<std::optional<robot_state>> done) = 0;

  /// Length of the path in from <= timestamp <= to; 0 if the robot is unknown or has no events.
  virtual void odometer(io_thread& io, permitted_name name, timestamp_ms from, timestamp_ms to,
                        callback<double> done) = 0;

  /// The robots that `who` may see, by name (bytewise) after `after` (exclusive; "" is before all),
  /// at most `limit`.
  [[nodiscard]] virtual std::unique_ptr<pull_stream<named_robot>>
  robots(io_thread& io, const caller& who, const std::string& after, std::size_t limit) = 0;

  /// Events with from <= timestamp <= to, in order, at most `limit`.
  [[nodiscard]] virtual std::unique_ptr<pull_stream<event_row>>
  events(io_thread& io, permitted_name name, timestamp_ms from, timestamp_ms to,
         std::size_t limit) = 0;

  /// Takes events, in order. Answers once all of them are durable. Waits under back-pressure.
  /// Events of robots that `who` may not write to are refused.
  virtual void ingest(io_thread& io, caller_ptr who, std::vector<ingest_line> events,
                      callback<ingest_outcome> done) = 0;

  /// Why the server should get no traffic now; nullopt if it is ready. Thread-safe, does not block.
  [[nodiscard]] virtual std::optional<std::string> not_ready() const = 0;

  /// A problem for the operator although the server is ready; nullopt if there is none.
  /// Thread-safe, does not block.
  [[nodiscard]] virtual std::optional<std::string> trouble() const { return std::nullopt; }
};

} // namespace telemetry::net
