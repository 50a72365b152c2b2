#pragma once

#include "net/body_queue.hpp"
#include "net/rest/http_budget.hpp"
#include "net/rest/rest_context.hpp"
#include "net/server.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <unordered_map>
#include <vector>

namespace telemetry::net {

/// Interval between calls of session::tick(): an eighth of the idle time-out, but 10 ms to 1 s.
[[nodiscard]] constexpr std::chrono::milliseconds
tick_interval(std::chrono::milliseconds idle_timeout) noexcept {
  using std::chrono::milliseconds;
  return std::clamp(idle_timeout / 8, milliseconds(10), milliseconds(1000));
}

/// One connection of any kind. It is owned by itself or its pending operations, and listed in a
/// session_registry.
///
/// Thread: its I/O thread only.
class session : public std::enable_shared_from_this<session> {
public:
  virtual ~session() = default;

  /// Stops reading, answers all messages that were read, closes (WebSocket: 1001) and ends.
  /// Idempotent. Does not wait for the end.
  virtual void drain() = 0;
  /// Closes the socket at once.
  virtual void cut() = 0;
  /// Called every tick_interval(). Time-outs count ticks (ADR 0021).
  virtual void tick() {}
};

/// The sessions of one I/O thread, so that a shutdown reaches all of them.
///
/// Thread: its I/O thread only, except for count().
class session_registry {
public:
  void add(const std::shared_ptr<session>& one);
  void remove(const session& one);
  /// Drains all current sessions. Sessions that start later see draining() and drain themselves.
  void drain_all();
  void cut_all();
  void tick_all();
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  /// Thread-safe.
  [[nodiscard]] std::size_t count() const noexcept { return count_.load(); }

private:
  [[nodiscard]] std::vector<std::shared_ptr<session>> all() const;

  bool draining_ = false;
  std::unordered_map<const session*, std::weak_ptr<session>> sessions_;
  std::atomic<std::size_t> count_{0};
};

/// Objects that the sessions of one I/O thread share. They outlive the sessions.
struct session_context {
  const server_options& options;
  upstream_factory& upstreams;
  api& rest;
  io_thread& io;
  session_registry& sessions;
  /// Whether the sockets are above connections_max. Then HTTP answers every request with 503 and
  /// closes. `GET /upstream` becomes a WebSocket as usual, which `upstreams` refuses (1013).
  bool over_limit = false;
  request_budget memory{}; ///< for the HTTP requests of these sessions
  body_queue bodies{memory};

  /// What a handler answers a request of `who` with.
  [[nodiscard]] rest_context rest_for(caller_ptr who) {
    return {options, rest, io, memory, std::move(who)};
  }
};

} // namespace telemetry::net
