#pragma once

#include "actors/answer_queue.hpp"
#include "net/upstream.hpp"

#include <caf/all.hpp>

#include <span>

namespace telemetry {

/// Reasons that a producer reads in a close with 1013; /readyz has the details. A producer does not
/// know the journal, so store_is_away is its text for a journal that is away, too (PROTOCOL.md §3).
inline constexpr std::string_view is_starting = "the server is starting";
inline constexpr std::string_view store_is_away = "the store is away";

/// A message of more lines closes its connection with 1008. The limit exists because each line gets
/// an answer of up to 53 bytes, although an empty line takes only one byte.
inline constexpr std::size_t message_lines_max = 4096;

/// CONNECTION: one WebSocket. Turns messages into events, and keeps the credit and the order of
/// answers. Its lane runs it inline. Its session may call the public functions on that thread.
class connection final : public participant, private flushable {
public:
  static inline const char* const actor_name = "connection";

  connection(caf::actor_config& config, lane& home, net::upstream_peer& peer, net::caller_ptr who);
  [[nodiscard]] const char* name() const override { return actor_name; }

  /// Takes complete messages, some or all of one socket read. @returns how many lines they have.
  std::size_t on_messages(std::span<const std::string_view> messages);
  void on_verdicts() override { answer(); }
  [[nodiscard]] bool may_read();
  [[nodiscard]] std::size_t unanswered() const noexcept { return messages_.size(); }
  /// Later messages are those of `who`.
  void change_caller(net::caller_ptr who) noexcept { who_ = std::move(who); }
  /// To be called when the session ends.
  void detach();

protected:
  behavior_type make_behavior() override;

private:
  struct message {
    std::uint32_t lines;
    std::uint32_t bytes;
  };

  std::size_t take(std::string_view text);
  void take_line(std::string_view line);
  void answer();
  void append_answer(const answer_queue::answer& what);
  void flush_later();
  void give_up_if_stalled();
  void flush() override;

  lane& home_;
  net::caller_ptr who_;
  net::upstream_peer* peer_; ///< nullptr after the session has ended
  answer_queue answers_;
  fifo<message> messages_;           ///< not answered yet
  std::size_t bytes_ = 0;            ///< of messages_
  std::uint32_t answered_lines_ = 0; ///< of the first message
  std::string text_;                 ///< answers to the messages
  std::int64_t future_limit_ = 0;    ///< latest timestamp allowed now
  bool waits_for_credit_ = false;
  bool is_flush_due_ = false; ///< the lane will call flush()
};

/// Makes a connection actor for every WebSocket.
class connection_factory final : public net::upstream_factory {
public:
  explicit connection_factory(engine_context& context) : context_(context) {}
  result<std::unique_ptr<net::upstream>> open(net::upstream_peer& peer, net::io_thread& io,
                                              net::caller_ptr who) override;

private:
  engine_context& context_;
};

} // namespace telemetry
