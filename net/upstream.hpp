#pragma once

#include "core/result.hpp"
#include "net/caller.hpp"
#include "net/io_thread.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace telemetry::net {

/// Close codes of WebSockets that the server closes (PROTOCOL.md §3).
enum class close_code : std::uint16_t {
  going_away = 1001,
  protocol_error = 1002,
  unsupported = 1003,
  bad_payload = 1007,
  policy = 1008,
  too_big = 1009,
  try_again_later = 1013,
};

/// Answers that the session has queued and its socket has not taken yet.
struct unsent_answers {
  std::size_t lines = 0; ///< an estimate while some of the bytes are sent
  std::size_t bytes = 0;
};

/// The connection actor's view of its WebSocket session.
///
/// Thread: the session's I/O thread only. Blocking: never. The session outlives its `upstream`.
class upstream_peer {
public:
  virtual ~upstream_peer() = default;

  /// Queues `messages` text messages, each with the answer "OK".
  virtual void answer_ok(std::size_t messages) = 0;
  /// Queues one answer: the lines of one message, separated by '\n'.
  virtual void answer(std::string_view lines) = 0;
  /// Sends the queued answers in one write. Call it at the end of a batch of answers. The session
  /// then also continues to read if upstream::may_read() is true, and closes if a close waited for
  /// the last answer.
  virtual void flush() = 0;
  /// Closes with `code` once every message that was read is answered.
  virtual void close(close_code code, std::string_view reason) = 0;
  /// The unsent answers. They use credit of the connection, because the peer does not read them.
  [[nodiscard]] virtual unsent_answers unsent() const { return {}; }
};

/// The engine's side of one WebSocket. It owns the credit and the order of answers.
///
/// Thread: the session's I/O thread only. Blocking: never.
class upstream {
public:
  /// The session has ended. Open answers are dropped. The peer is not called any more.
  virtual ~upstream() = default;

  /// Takes complete text messages of one socket read, in order. The views are valid only during the
  /// call. Empty messages are included (each is a malformed event).
  /// @returns the number of lines in them, which measures the length of a turn.
  virtual std::size_t on_messages(std::span<const std::string_view> messages) = 0;

  /// Whether connection and node have credit left. While it is false, the session does not read its
  /// socket. It asks again after flush().
  [[nodiscard]] virtual bool may_read() const = 0;

  /// Number of messages that were read and are not answered yet.
  [[nodiscard]] virtual std::size_t unanswered() const = 0;

  /// Later messages are those of `who`, because the rights of the caller have changed.
  virtual void change_caller(caller_ptr who) = 0;
};

/// Makes the engine's side of a new WebSocket.
class upstream_factory {
public:
  virtual ~upstream_factory() = default;

  /// Called on `io`. `peer` outlives the result; `who` is the caller until
  /// upstream::change_caller().
  /// @returns errc::unavailable if the engine accepts no WebSocket now. Then the session closes
  ///          with 1013 and the text of the failure, which must be ASCII of at most 123 bytes.
  [[nodiscard]] virtual result<std::unique_ptr<upstream>> open(upstream_peer& peer, io_thread& io,
                                                               caller_ptr who) = 0;
};

} // namespace telemetry::net
