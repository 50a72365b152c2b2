#pragma once

#include "core/result.hpp"
#include "net/caller.hpp"
#include "net/io_thread.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace telemetry::net {

/// WebSocket close codes that the server starts (PROTOCOL.md §3).
enum class close_code : std::uint16_t {
  going_away = 1001,
  protocol_error = 1002,
  unsupported = 1003,
  bad_payload = 1007,
  policy = 1008,
  too_big = 1009,
  try_again_later = 1013,
};

/// Answers that the session has queued and that its socket has not taken yet.
struct unsent_answers {
  std::size_t lines = 0; ///< while some of the bytes are sent: an estimate
  std::size_t bytes = 0;
};

/// A WebSocket session as its connection actor sees it.
///
/// Thread: the session's I/O thread only. The session outlives its `upstream`.
class upstream_peer {
public:
  virtual ~upstream_peer() = default;

  /// Queues `messages` answers that are "OK", one text message each.
  virtual void answer_ok(std::size_t messages) = 0;
  /// Queues one answer: the lines of one message, separated by '\n'.
  virtual void answer(std::string_view lines) = 0;
  /// Sends what was queued, in one write. To be called at the end of a batch of answers; the
  /// session then also goes on reading if upstream::may_read() says so, and closes if a close was
  /// waiting for the last answer.
  virtual void flush() = 0;
  /// Closes with `code` once everything that was read is answered.
  virtual void close(close_code code, std::string_view reason) = 0;
  /// The answers that the peer has not read count as credit of its connection.
  [[nodiscard]] virtual unsent_answers unsent() const { return {}; }
};

/// The engine's side of one WebSocket: owns credit and the order of answers.
///
/// Thread: the session's I/O thread only. Nothing here blocks.
class upstream {
public:
  /// The session is gone: answers still due are dropped. No call to the peer comes after this.
  virtual ~upstream() = default;

  /// The complete text messages of one socket read, in order; the views die with the call.
  /// An empty message is passed on as one (it is a malformed event).
  virtual void on_messages(std::span<const std::string_view> messages) = 0;

  /// Credit is left (the connection's and the node's). While false the session does not read its
  /// socket; flush() tells when to ask again.
  [[nodiscard]] virtual bool may_read() const = 0;

  /// Messages that were read and are not answered yet.
  [[nodiscard]] virtual std::size_t unanswered() const = 0;
};

/// Makes the engine's side of a new WebSocket.
class upstream_factory {
public:
  virtual ~upstream_factory() = default;

  /// Called on `io`; `who` is valid during the call only. @returns errc::unavailable if it takes no
  /// more now: close with 1013 and this reason, ASCII of at most 123 bytes.
  [[nodiscard]] virtual result<std::unique_ptr<upstream>> open(upstream_peer& peer, io_thread& io,
                                                               const caller& who) = 0;
};

} // namespace telemetry::net
