#pragma once

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

/// How often session::tick() comes: an eighth of the idle time-out, within 10 ms to 1 s.
[[nodiscard]] constexpr std::chrono::milliseconds
tick_interval(std::chrono::milliseconds idle_timeout) noexcept {
  using std::chrono::milliseconds;
  return std::clamp(idle_timeout / 8, milliseconds(10), milliseconds(1000));
}

/// One connection of any kind, owned by itself or its pending operations, listed in a registry.
///
/// Thread: its I/O thread only.
class session : public std::enable_shared_from_this<session> {
public:
  virtual ~session() = default;

  /// Stops reading, answers what was read, closes (WebSocket: 1001), ends. Idempotent.
  virtual void drain() = 0;
  /// Closes the socket now.
  virtual void cut() = 0;
  /// Called every tick_interval(): what time-outs count with.
  virtual void tick() {}
};

/// The sessions of one I/O thread, so that a shutdown reaches them all.
///
/// Thread: its I/O thread only, but for count().
class session_registry {
public:
  void add(const std::shared_ptr<session>& one);
  void remove(const session& one);
  /// Drains those that are there; draining() is true from now on: who comes later drains itself.
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

/// What every session of one I/O thread shares; outlives them.
struct session_context {
  const server_options& options;
  upstream_factory& upstreams;
  api& rest;
  io_thread& io;
  session_registry& sessions;
  /// The socket is one beyond connections_max: HTTP answers 503 and closes, whatever was asked
  /// (`GET /upstream` is handed over as ever: `upstreams` opens none, so it is closed with 1013).
  bool over_limit = false;
  request_budget memory{}; ///< of its HTTP requests

  /// What a handler answers a request of `who` with.
  [[nodiscard]] rest_context rest_for(caller_ptr who) {
    return {options, rest, io, memory, std::move(who)};
  }
};

} // namespace telemetry::net
