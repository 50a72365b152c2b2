#pragma once

#include "net/body_queue.hpp"
#include "net/byte_stream.hpp"
#include "net/callers.hpp"
#include "net/memory_budget.hpp"
#include "net/rest/http_budget.hpp"
#include "net/rest/rest_context.hpp"
#include "net/server.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
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
  /// The rights of callers may have changed or ended. The session asks for those of its caller
  /// again.
  virtual void review_rights() {}

  /// Bytes that cut() would free, if the session waits for its peer to send the rest of a head, a
  /// body or a message, or to read an answer. 0 if it does not wait for its peer, or holds nothing
  /// but what every connection holds.
  [[nodiscard]] virtual std::size_t reclaimable() const { return 0; }

  /// A whole tick_interval() has passed since the peer last sent or read a byte.
  [[nodiscard]] bool is_quiet() const noexcept { return quiet_ticks_ > 1; }
  /// Another tick has passed.
  void count_quiet_tick() noexcept { quiet_ticks_ += quiet_ticks_ > 1 ? 0 : 1; }

protected:
  /// The peer sent or read bytes.
  void note_progress() noexcept { quiet_ticks_ = 0; }

  /// Whether the peer has shown a right on this connection.
  [[nodiscard]] bool is_proven() const noexcept { return unproven_number_ == 0; }

private:
  friend class session_registry;

  std::uint8_t quiet_ticks_ = 0;      ///< 0 to 2
  std::uint64_t unproven_number_ = 0; ///< place among those that have shown no right; 0: it has
};

/// The rights that `who`, a caller of the connection `stream`, has now; nullptr if they have ended.
/// Those of a certificate also end when it is no longer trusted.
[[nodiscard]] caller_ptr renew_rights(const callers& known, const caller_ptr& who,
                                      const byte_stream& stream);

/// Bytes of a connection that holds nothing: session, socket, and the engine's part.
inline constexpr std::size_t connection_bytes = 2'560;

/// The sessions of one I/O thread, so that a shutdown reaches all of them.
///
/// Thread: its I/O thread only, except for count().
class session_registry {
public:
  using clock = std::chrono::steady_clock;

  /// @param memory of the process, which must outlive the registry; nullptr: no bound
  explicit session_registry(memory_budget* memory = nullptr) noexcept : memory_(memory) {}

  /// @param is_proven whether the peer has shown a right
  void add(const std::shared_ptr<session>& one, bool is_proven);
  void remove(session& one);
  /// The peer has shown a right.
  void prove(session& one);
  /// Drains all current sessions. Sessions that start later see draining() and drain themselves.
  void drain_all();
  void cut_all();
  void tick_all();
  /// Begins to have each session ask for the rights of its caller again, because the callers have
  /// changed. @returns whether review_some() must be called until it has no more; no if it is
  /// being called already.
  [[nodiscard]] bool start_review();
  /// Reviews the next few, because thousands that end at once would delay all others.
  /// @returns whether there are more.
  [[nodiscard]] bool review_some();
  /// Cuts the session that has shown no right for the longest time.
  void cut_oldest_unproven();
  /// If the budget of the process is exceeded, cuts sessions that wait for their peer, the largest
  /// first: quiet ones until the budget has a margin again, others only until it is kept.
  void relieve();
  /// Calls relieve() soon, on the thread `io` of the sessions, if the budget is exceeded. After a
  /// call that did not suffice only the next tick tries again.
  void relieve_soon(io_thread& io);
  [[nodiscard]] memory_budget* memory() const noexcept { return memory_; }
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  /// Thread-safe.
  [[nodiscard]] std::size_t count() const noexcept { return count_.load(); }
  /// Sessions whose peers have shown no right. Thread-safe.
  [[nodiscard]] std::size_t unproven_count() const noexcept { return unproven_count_.load(); }
  /// When the oldest of them came; time_point::max() if there is none. Thread-safe.
  [[nodiscard]] clock::time_point oldest_unproven() const noexcept {
    return clock::time_point(clock::duration(oldest_unproven_.load()));
  }

private:
  struct unproven_session {
    session* one;
    clock::time_point since;
  };

  [[nodiscard]] std::vector<std::shared_ptr<session>> all() const;
  void publish_unproven();

  memory_budget* memory_;
  bool relief_waits_ = false; ///< for its turn, or, after one that did not suffice, for a tick
  bool draining_ = false;
  std::unordered_map<const session*, std::weak_ptr<session>> sessions_;
  std::vector<std::weak_ptr<session>> to_review_;
  std::atomic<std::size_t> count_{0};
  std::map<std::uint64_t, unproven_session> unproven_; ///< by number, so the oldest comes first
  std::uint64_t last_number_ = 0;
  std::atomic<std::size_t> unproven_count_{0};
  std::atomic<clock::rep> oldest_unproven_{clock::duration::max().count()};
};

/// Objects that the sessions of one I/O thread share. They outlive the sessions.
struct session_context {
  const server_options& options;
  upstream_factory& upstreams;
  api& rest;
  io_thread& io;
  session_registry& sessions;
  /// The callers whom the server knows now. Replaced on the thread of `io` only.
  const callers_ptr& known;
  /// Why the sockets are refused, empty if they are served. If they are refused, HTTP answers every
  /// request with 503 and closes. `GET /upstream` becomes a WebSocket as usual, which `upstreams`
  /// refuses (1013).
  std::string_view refusal{};
  /// Whether no further connection that shows a right is served; empty if there is no limit.
  std::function<bool()> is_full{};
  /// For WebSockets that show a right when is_full().
  session_context* over_limit = nullptr;
  /// For the HTTP requests of these sessions.
  request_budget memory = request_budget(request_bytes_max, sessions.memory());
  body_queue bodies{memory};

  /// What a handler answers a request of `who` with.
  [[nodiscard]] rest_context rest_for(caller_ptr who) {
    return {options, rest, io, memory, std::move(who)};
  }
};

} // namespace telemetry::net
