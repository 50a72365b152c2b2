#pragma once

#include "net/server.hpp"

#include <atomic>
#include <memory>
#include <unordered_map>

namespace telemetry::net {

/// One connection of any kind, owned by its pending operations and listed in a registry.
///
/// Thread: its I/O thread only.
class session : public std::enable_shared_from_this<session> {
public:
  virtual ~session() = default;

  /// Stops reading, answers what was read, closes (WebSocket: 1001), ends. Idempotent.
  virtual void drain() = 0;
  /// Closes the socket now.
  virtual void cut() = 0;
};

/// The sessions of one I/O thread, so that a shutdown reaches them all.
///
/// Thread: its I/O thread only, but for count().
class session_registry {
public:
  void add(const std::shared_ptr<session>& one);
  void remove(const session& one);
  void drain_all();
  void cut_all();
  /// Thread-safe.
  [[nodiscard]] std::size_t count() const noexcept { return count_.load(); }

private:
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
};

} // namespace telemetry::net
