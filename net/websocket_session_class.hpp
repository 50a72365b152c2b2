#pragma once

#include "net/websocket_session.hpp" // first, because it includes <utility>, which Asio needs

#include "net/http_upgrade.hpp"
#include "net/memory_budget.hpp"
#include "net/producer_pace.hpp"
#include "net/turn_queue.hpp"
#include "net/websocket_codec.hpp"
#include "net/websocket_frames.hpp"

#include <algorithm>
#include <exception>
#include <optional>

namespace telemetry::net::detail {

/// Objects that the WebSockets of an I/O thread share. The io_context owns them, because they must
/// not outlive it.
class shared_service final : public boost::asio::execution_context::service {
public:
  using key_type = shared_service;
  static inline boost::asio::execution_context::id id;

  explicit shared_service(boost::asio::execution_context& io_context)
      : service(io_context),
        inbox(std::in_place, static_cast<boost::asio::io_context&>(io_context).get_executor()),
        turns(static_cast<boost::asio::io_context&>(io_context).get_executor()) {}

  std::optional<websocket_inbox> inbox; ///< holds no bytes of a connection between turns
  turn_queue turns;

private:
  void shutdown() override {
    turns.clear();
    inbox.reset();
  }
};

inline shared_service& shared_of(byte_stream& stream) {
  return boost::asio::use_service<shared_service>(stream.get_executor().context());
}

/// One WebSocket: moves bytes between its stream, the codec and the engine's `upstream`.
///
/// Owns itself from start() until finish(). The registry calls drain, cut and tick. Thread: its I/O
/// thread only.
///
/// end() only closes the stream and posts finish(), because it may run within a call from
/// `upstream`, which must not be destroyed in its own call. For the same reason only on_ready() and
/// on_turn() read. The engine never calls these.
class websocket_session final : public session,
                                public upstream_peer,
                                public turn_taker,
                                private stream_listener {
public:
  websocket_session(std::unique_ptr<byte_stream> stream, session_context& context, caller_ptr who)
      : stream_(std::move(stream)), context_(context), who_(std::move(who)),
        turns_(shared_of(*stream_).turns), inbox_(*shared_of(*stream_).inbox),
        codec_(context.options.message_bytes_max), charge_(context.sessions.memory()),
        pace_(context.options.read_delay) {
    const auto tick = tick_interval(context.options.idle_timeout);
    silent_ticks_max_ = static_cast<int>(context.options.idle_timeout / tick);
    closing_ticks_max_ = static_cast<int>(std::chrono::seconds(3) / tick);
  }

  /// Answers the handshake and starts to serve. `received` has the bytes after the handshake.
  void start(const websocket_codec::request& upgrade, std::string_view received);

  // session
  void drain() override { close(close_code::going_away, "server is shutting down"); }
  void cut() override;
  void tick() override;
  void review_rights() override;
  [[nodiscard]] std::size_t reclaimable() const override;

  // turn_taker
  std::size_t on_turn() override;

  // upstream_peer
  void answer_ok(std::size_t messages) override {
    append_ok_frames(out_, messages);
    unsent_lines_ += messages;
  }
  void answer(std::string_view lines) override {
    append_text_frame(out_, lines);
    unsent_lines_ += 1 + static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
  }
  void flush() override { advance(); }
  void close(close_code code, std::string_view reason) override;
  [[nodiscard]] unsent_answers unsent() const override { return {unsent_lines_, out_.size()}; }

private:
  enum class phase {
    serving,
    answering, ///< reads no more; closes once all messages are answered
    closing,   ///< the close frame is being sent
    lingering, ///< the close frame is sent; discards input until the peer ends its side
    ended,
  };

  // stream_listener
  void on_ready() override;

  void note_certificate();
  void note_protocols(const websocket_codec::request& upgrade) const;
  void open();
  void refuse(const websocket_codec::refusal& why, std::string_view server);
  void receive(std::size_t size);
  std::optional<std::string> take_turn(std::size_t size, std::string& pongs);
  [[nodiscard]] std::size_t deliver();
  void close_with(std::string frame);
  void look_for_close(std::size_t size);
  void advance();
  [[nodiscard]] bool wants_read() const;
  void listen();
  [[nodiscard]] bool has_something_to_read() const;
  void read();
  void follow_pace();
  void await_turn();
  [[nodiscard]] bool has_much_to_write() const;
  void write();
  [[nodiscard]] std::size_t held_bytes() const;
  void account() {
    if (charge_.hold(held_bytes()))
      context_.sessions.relieve_soon(context_.io);
  }
  void end();
  void finish();

  /// Catches exceptions, which are a bug or a lack of memory, and ends this session.
  template <class Function>
  void guarded(Function function) {
    try {
      function();
    } catch (const std::exception&) {
      is_delivering_ = false;
      end();
    }
  }

  std::shared_ptr<websocket_session> self_; ///< until finish()
  std::unique_ptr<byte_stream> stream_;
  session_context& context_;
  caller_ptr who_;
  std::optional<wall_ms> certificate_ends_; ///< if the right came by the client's certificate
  turn_queue& turns_;
  websocket_inbox& inbox_;
  websocket_codec codec_;
  memory_charge charge_;
  producer_pace pace_;
  phase phase_ = phase::serving;
  bool awaits_peers_close_ = false; ///< we began the close, and the peer has not answered it
  bool has_peers_end_ = false;      ///< the peer has ended its side, but may still read
  bool is_delivering_ = false;      ///< within upstream::on_messages(); advance() follows later
  bool is_listening_ = false;       ///< waits for the peer to send
  bool awaits_turn_ = false;        ///< in turns_
  std::size_t turn_lines_ = 0;      ///< lines, or frames, of the last turn
  int silent_ticks_ = 0;            ///< while listening, since the peer last sent bytes
  int stalled_ticks_ = 0;           ///< while out_ is not empty, since the peer last took bytes
  int silent_ticks_max_;
  int closing_ticks_max_;
  std::string out_;              ///< whole frames; the first may lack bytes that are sent already
  std::size_t unsent_lines_ = 0; ///< answer lines in out_; an estimate while a part of it is sent
  std::string close_frame_;
  std::unique_ptr<upstream> upstream_; // last, because its destructor may call this session
};

} // namespace telemetry::net::detail
