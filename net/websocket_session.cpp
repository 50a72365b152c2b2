#include "net/websocket_session.hpp"

#include "net/http_upgrade.hpp"
#include "net/memory_budget.hpp"
#include "net/rest/problem.hpp"
#include "net/turn_queue.hpp"
#include "net/websocket_codec.hpp"
#include "net/websocket_frames.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <optional>

namespace telemetry::net {

namespace {

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

shared_service& shared_of(byte_stream& stream) {
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
        codec_(context.options.message_bytes_max), charge_(context.sessions.memory()) {
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
  const caller_ptr who_;
  turn_queue& turns_;
  websocket_inbox& inbox_;
  websocket_codec codec_;
  memory_charge charge_;
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

void websocket_session::start(const websocket_codec::request& upgrade, std::string_view received) {
  self_ = std::static_pointer_cast<websocket_session>(shared_from_this());
  context_.sessions.add(self_);
  const auto server = "telemetryd/" + context_.options.version;
  guarded([&] {
    byte_stream::error_code ec;
    stream_->watch(*this, ec);
    if (ec)
      return end();
    if (const auto refusal = codec_.accept(upgrade, server, inbox_, out_)) {
      refuse(*refusal, server);
    } else {
      note_protocols(upgrade);
      codec_.keep_early(received);
      open();
    }
    advance();
  });
}

void websocket_session::close(close_code code, std::string_view reason) {
  std::string frame;
  append_close_frame(frame, code, reason);
  awaits_peers_close_ = awaits_peers_close_ || phase_ == phase::serving;
  close_with(std::move(frame));
}

void websocket_session::note_protocols(const websocket_codec::request& upgrade) const {
  constexpr std::size_t told_bytes_max = 200;
  const auto offered = upgrade[boost::beast::http::field::sec_websocket_protocol];
  if (!offered.empty() && !offers_protocol(upgrade, websocket_codec::protocol) &&
      context_.options.on_protocol_refused)
    context_.options.on_protocol_refused(
        {offered.data(), std::min(offered.size(), told_bytes_max)});
}

void websocket_session::open() {
  if (context_.sessions.draining())
    return drain();
  is_delivering_ = true;
  auto opened = context_.upstreams.open(*this, context_.io, *who_);
  is_delivering_ = false;
  if (!opened)
    return close(close_code::try_again_later, opened.error().text);
  upstream_ = std::move(*opened);
}

void websocket_session::refuse(const websocket_codec::refusal& why, std::string_view server) {
  const auto problem = make_problem(why.status, "/upstream", why.reason);
  out_ += "HTTP/1.1 " + std::to_string(why.status) + ' ';
  out_ += status_phrase(why.status);
  out_ += "\r\nServer: ";
  out_ += server;
  out_ += "\r\nContent-Type: ";
  out_ += problem.content_type;
  out_ += "\r\nContent-Length: " + std::to_string(problem.body.size());
  out_ += "\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n" + problem.headers + "\r\n";
  out_ += problem.body;
  phase_ = phase::closing;
}

void websocket_session::receive(std::size_t size) {
  if (auto closed = take_turn(size, out_))
    close_with(std::move(*closed));
}

/// Takes a turn: reads messages from the first `size` bytes of the inbox's space, or from the rest
/// of the last turn, until they have websocket_turn_lines. Drops messages after our own close.
/// @returns the close frame that answers the peer's close, or its breach of the protocol.
std::optional<std::string> websocket_session::take_turn(std::size_t size, std::string& pongs) {
  std::optional<std::string> closed;
  const auto begun_in = phase_;
  std::size_t work = 0;
  codec_.take_in(inbox_, size);
  while (!closed && inbox_.has_input() && phase_ == begun_in && work < websocket_turn_lines) {
    closed = codec_.read(inbox_, pongs);
    work += std::max(inbox_.frames(), deliver());
  }
  codec_.keep_rest(inbox_);
  turn_lines_ = work;
  return closed;
}

/// @returns how many lines the engine took.
std::size_t websocket_session::deliver() {
  const auto messages = inbox_.messages();
  if (messages.empty() || phase_ != phase::serving)
    return 0;
  is_delivering_ = true;
  const auto lines = upstream_->on_messages(messages);
  is_delivering_ = false;
  return lines;
}

void websocket_session::close_with(std::string frame) {
  if (phase_ != phase::serving)
    return;
  phase_ = phase::answering;
  close_frame_ = std::move(frame);
  advance();
}

/// Discards input after our close, up to the peer's close frame. Then ends our side. Not earlier,
/// because some clients take the end of the stream for a broken connection and do not see a close
/// frame right before it.
void websocket_session::look_for_close(std::size_t size) {
  std::string pongs; // the close was our last frame
  if (!take_turn(size, pongs))
    return;
  awaits_peers_close_ = false;
  stream_->end_writing();
}

void websocket_session::on_ready() {
  if (phase_ == phase::ended)
    return;
  guarded([&] {
    if (turn_lines_ <= light_turn_lines && !awaits_turn_ && wants_read() && stream_->is_readable())
      read();
    advance();
  });
}

std::size_t websocket_session::on_turn() {
  awaits_turn_ = false;
  turn_lines_ = 0;
  if (phase_ == phase::ended)
    return 0;
  guarded([&] {
    if (has_much_to_write()) {
      turn_lines_ = light_pass_lines + 1; // about as much work as so many lines
      write();
    } else if (wants_read() && has_something_to_read()) {
      read();
    }
    advance();
  });
  return turn_lines_;
}

/// Does everything except reading that can be done now. To be called after every change.
void websocket_session::advance() {
  if (is_delivering_)
    return;
  if (phase_ == phase::answering && (!upstream_ || upstream_->unanswered() == 0)) {
    out_ += std::exchange(close_frame_, {});
    phase_ = phase::closing;
  }
  if (!has_much_to_write())
    write();
  if (phase_ == phase::closing && out_.empty()) {
    if (has_peers_end_)
      return end();
    if (!awaits_peers_close_)
      stream_->end_writing();
    phase_ = phase::lingering;
    is_listening_ = false;
  }
  listen();
  if (has_much_to_write())
    await_turn();
  account();
}

bool websocket_session::wants_read() const {
  return phase_ == phase::lingering ||
         (phase_ == phase::serving && out_.size() < websocket_backlog_max && upstream_->may_read());
}

void websocket_session::listen() {
  const bool listened = std::exchange(is_listening_, wants_read());
  if (!is_listening_)
    return;
  if (!listened)
    silent_ticks_ = 0;
  if (has_something_to_read())
    await_turn();
}

bool websocket_session::has_something_to_read() const {
  return codec_.has_rest() || stream_->is_readable();
}

/// Reads once, or continues with the rest of the last turn.
void websocket_session::read() {
  std::size_t size = 0;
  if (!codec_.has_rest()) {
    byte_stream::error_code ec;
    size = stream_->try_read(inbox_.space(), ec);
    if (ec == boost::asio::error::eof && phase_ == phase::serving) {
      has_peers_end_ = true;
      return close_with({}); // without a frame, because the peer sent none; answers are still sent
    }
    if (ec)
      return end();
    if (size == 0)
      return;
    note_progress();
  }
  if (phase_ == phase::serving) {
    silent_ticks_ = 0;
    receive(size);
  } else if (awaits_peers_close_) {
    look_for_close(size);
  }
}

std::size_t websocket_session::held_bytes() const {
  if (phase_ == phase::ended)
    return 0;
  return connection_bytes + codec_.held_bytes() + out_.capacity();
}

// A session that awaits its turn with a begun message counts as well. Otherwise many such sessions
// could fill the memory within a tick, and none of them could be cut.
std::size_t websocket_session::reclaimable() const {
  const bool waits_for_peer = !out_.empty() || (is_listening_ && codec_.is_within_message());
  return waits_for_peer ? held_bytes() : 0;
}

bool websocket_session::has_much_to_write() const {
  return phase_ != phase::ended && out_.size() > websocket_write_bytes_max &&
         stream_->is_writable();
}

void websocket_session::await_turn() {
  if (!std::exchange(awaits_turn_, true))
    turns_.push(self_);
}

void websocket_session::write() {
  if (out_.empty() || phase_ == phase::ended || !stream_->is_writable())
    return;
  byte_stream::error_code ec;
  const auto size =
      stream_->try_write(std::string_view(out_).substr(0, websocket_write_bytes_max), ec);
  if (ec)
    return end();
  if (size > 0) {
    stalled_ticks_ = 0;
    note_progress();
  }
  unsent_lines_ -= unsent_lines_ * size / out_.size();
  out_.erase(0, size);
  // Frees the memory of sent bytes, because the peer may stop reading in the middle.
  if (out_.capacity() > idle_buffer_bytes_max && out_.size() <= out_.capacity() / 4)
    out_.shrink_to_fit();
}

// Ticks count only while the peer has to act: to send while we listen, to read our answers, to end
// its side after a close. They do not count while back-pressure keeps us from reading.
void websocket_session::tick() {
  charge_.settle(held_bytes());
  const bool is_closing = phase_ == phase::closing || phase_ == phase::lingering;
  const auto patience = is_closing ? closing_ticks_max_ : silent_ticks_max_;
  if (!out_.empty() && ++stalled_ticks_ > patience)
    return end();
  if (!is_listening_)
    return;
  if (++silent_ticks_ > patience)
    return end();
  if (phase_ == phase::serving && silent_ticks_ == patience / 2) {
    append_ping_frame(out_);
    advance();
  }
}

/// Its memory goes at once. The session itself may stay for long, in the turn_queue behind others.
void websocket_session::cut() {
  end();
  codec_.drop();
  out_ = {};
}

void websocket_session::end() {
  if (std::exchange(phase_, phase::ended) == phase::ended)
    return;
  stream_->close();
  charge_.give_back();
  boost::asio::post(stream_->get_executor(), [self = self_] { self->finish(); });
}

void websocket_session::finish() {
  context_.sessions.remove(*this);
  upstream_.reset();
  self_.reset();
}

} // namespace

void start_websocket_session(
    std::unique_ptr<byte_stream> stream,
    const boost::beast::http::request<boost::beast::http::string_body>& upgrade,
    std::string_view received, session_context& context, caller_ptr who) {
  std::make_shared<websocket_session>(std::move(stream), context, std::move(who))
      ->start(upgrade, received);
}

} // namespace telemetry::net
