#pragma once

#include "net/problem.hpp"
#include "net/session.hpp"
#include "net/websocket_codec.hpp"
#include "net/websocket_frames.hpp"
#include "net/websocket_transport.hpp"

#include <boost/asio/post.hpp>

#include <array>
#include <cstring>
#include <exception>

namespace telemetry::net {

/// How much may wait to be sent before a session stops reading: a peer that does not read its
/// answers hurts only itself.
inline constexpr std::size_t websocket_backlog_max = 64u << 10;

/// One WebSocket: moves bytes between its stream, the codec and the engine's `upstream`.
///
/// Owns itself from start() until its end; the registry reaches it for drain, cut and tick.
/// Thread: its I/O thread only. Everything that may end the session inside a call from the engine
/// only closes the stream: finish() comes by itself, so that `upstream` never dies in its own call.
template <class Stream>
class basic_websocket_session final : public session, public upstream_peer {
public:
  basic_websocket_session(Stream stream, session_context& context)
      : stream_(std::move(stream)), context_(context),
        codec_(stream_.get_executor(), context.options.message_bytes_max) {
    const auto tick = tick_interval(context.options.idle_timeout);
    silent_ticks_max_ = static_cast<int>(context.options.idle_timeout / tick);
    closing_ticks_max_ = static_cast<int>(std::chrono::seconds(3) / tick);
  }

  /// Answers the handshake and goes to work; `received` is what came behind it.
  void start(const websocket_codec::request& upgrade, std::string_view received) {
    self_ = std::static_pointer_cast<basic_websocket_session>(shared_from_this());
    transport<Stream>::prepare(stream_);
    context_.sessions.add(self_);
    const auto server = "telemetryd/" + context_.options.version;
    guarded([&] {
      if (const auto refusal = codec_.accept(upgrade, server, out_))
        refuse(*refusal, server);
      else
        open();
      receive_early(received);
    });
  }

  // session
  void drain() override { close(close_code::going_away, "server is shutting down"); }
  void cut() override { end(); }
  void tick() override;

  // upstream_peer
  void answer_ok(std::size_t messages) override { append_ok_frames(out_, messages); }
  void answer(std::string_view lines) override { append_text_frame(out_, lines); }
  void flush() override { advance(); }
  void close(close_code code, std::string_view reason) override {
    std::string frame;
    append_close_frame(frame, code, reason);
    awaits_peers_close_ = awaits_peers_close_ || phase_ == phase::serving;
    close_with(std::move(frame));
  }

private:
  enum class phase {
    serving,
    answering, ///< reads no more; closes when everything that was read is answered
    closing,   ///< the close frame is on its way out
    lingering, ///< sent; what the peer still sends is thrown away until it ends its side
    ended,
  };

  // A read that fits in here costs one system call; the rest is read into the thread's inbox. Not
  // straight into the inbox: what one read brings must survive until its handler runs.
  static constexpr std::size_t first_read_bytes = 1024;
  static constexpr std::size_t idle_buffer_bytes_max = 4096;
  using error_code = boost::system::error_code;

  /// Of this thread: nothing of a connection stays in it from one handler to the next.
  static websocket_inbox& inbox() {
    thread_local websocket_inbox one;
    return one;
  }

  void open();
  void refuse(const websocket_codec::refusal& why, std::string_view server);
  void receive_early(std::string_view received);
  void receive(std::size_t size);
  void close_with(std::string frame);
  void look_for_close(std::size_t size);
  void advance();
  [[nodiscard]] bool wants_read() const;
  void read();
  void on_read(error_code ec, std::size_t size);
  void write();
  void write_rest();
  void on_written(error_code ec, std::size_t size);
  void end();
  void finish();

  /// One of the doors where exceptions end: out of memory, or a bug. It costs this session.
  template <class Function>
  void guarded(Function function) {
    try {
      function();
    } catch (const std::exception&) {
      is_delivering_ = false;
      end();
    }
  }

  std::shared_ptr<basic_websocket_session> self_; ///< until finish()
  Stream stream_;
  session_context& context_;
  websocket_codec codec_;
  phase phase_ = phase::serving;
  bool awaits_peers_close_ = false; ///< we began the close: the peer's is still to come
  bool is_delivering_ = false;      ///< within upstream::on_messages(): advance() comes after it
  bool is_reading_ = false;         ///< a read is pending
  bool is_writing_ = false;         ///< a write is pending: of `writing_`
  int silent_ticks_ = 0;            ///< since the peer was last heard, while we listened
  int stalled_ticks_ = 0;           ///< since the pending write last got on
  int silent_ticks_max_;
  int closing_ticks_max_;
  std::string out_;         ///< whole frames, not handed to the stream yet
  std::string writing_;     ///< handed to the stream
  std::size_t written_ = 0; ///< bytes of it that are sent
  std::string close_frame_;
  std::array<char, first_read_bytes> first_read_;
  std::unique_ptr<upstream> upstream_; // last: it may call us until it is gone
};

template <class Stream>
void basic_websocket_session<Stream>::open() {
  if (context_.sessions.draining())
    return drain();
  is_delivering_ = true;
  auto opened = context_.upstreams.open(*this, context_.io);
  is_delivering_ = false;
  if (!opened)
    return close(close_code::try_again_later, opened.error().text);
  upstream_ = std::move(*opened);
}

template <class Stream>
void basic_websocket_session<Stream>::refuse(const websocket_codec::refusal& why,
                                             std::string_view server) {
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

template <class Stream>
void basic_websocket_session<Stream>::receive_early(std::string_view received) {
  while (phase_ == phase::serving && !received.empty()) {
    const auto space = inbox().space();
    const auto size = received.copy(space.data(), space.size());
    received.remove_prefix(size);
    receive(size);
  }
  advance();
}

/// Takes `size` bytes from the inbox's space to the engine.
template <class Stream>
void basic_websocket_session<Stream>::receive(std::size_t size) {
  auto closed = codec_.read(inbox(), size, out_);
  if (const auto messages = inbox().messages(); !messages.empty()) {
    is_delivering_ = true;
    upstream_->on_messages(messages);
    is_delivering_ = false;
  }
  if (closed)
    close_with(std::move(*closed));
}

template <class Stream>
void basic_websocket_session<Stream>::close_with(std::string frame) {
  if (phase_ != phase::serving)
    return;
  phase_ = phase::answering;
  close_frame_ = std::move(frame);
  advance();
}

/// Throws away what the peer sends after our close, up to its own. Only then does our side end too:
/// there are clients that take the end of the stream for a broken connection and never see a close
/// frame right before it.
template <class Stream>
void basic_websocket_session<Stream>::look_for_close(std::size_t size) {
  std::memcpy(inbox().space().data(), first_read_.data(), size);
  std::string pongs; // the close was our last frame
  if (!codec_.read(inbox(), size, pongs))
    return;
  awaits_peers_close_ = false;
  if (phase_ == phase::lingering)
    transport<Stream>::end_writing(stream_);
}

/// Does whatever is to be done now: the one place that decides.
template <class Stream>
void basic_websocket_session<Stream>::advance() {
  if (is_delivering_)
    return;
  if (phase_ == phase::answering && (!upstream_ || upstream_->unanswered() == 0)) {
    out_ += std::exchange(close_frame_, {});
    phase_ = phase::closing;
  }
  write();
  if (phase_ == phase::closing && !is_writing_ && out_.empty()) {
    if (!awaits_peers_close_)
      transport<Stream>::end_writing(stream_);
    phase_ = phase::lingering;
    silent_ticks_ = 0;
  }
  if (wants_read())
    read();
}

template <class Stream>
bool basic_websocket_session<Stream>::wants_read() const {
  if (is_reading_)
    return false;
  const auto backlog = out_.size() + writing_.size() - written_;
  return phase_ == phase::lingering ||
         (phase_ == phase::serving && backlog < websocket_backlog_max && upstream_->may_read());
}

template <class Stream>
void basic_websocket_session<Stream>::read() {
  is_reading_ = true;
  if (phase_ == phase::serving)
    silent_ticks_ = 0;
  stream_.async_read_some(boost::asio::buffer(first_read_),
                          [self = self_](error_code ec, std::size_t size) {
                            self->guarded([&] { self->on_read(ec, size); });
                          });
}

template <class Stream>
void basic_websocket_session<Stream>::on_read(error_code ec, std::size_t size) {
  is_reading_ = false;
  if (phase_ == phase::ended)
    return;
  if (ec)
    return end(); // gone, with or without a close: who is gone needs no answers
  if (phase_ == phase::serving) {
    const auto space = inbox().space();
    std::memcpy(space.data(), first_read_.data(), size);
    if (size == first_read_.size())
      size += transport<Stream>::try_read(
          stream_, boost::asio::buffer(space.data() + size, space.size() - size), ec);
    receive(size); // an error shows again with the next read
  } else if (awaits_peers_close_) {
    look_for_close(size);
  }
  advance();
}

template <class Stream>
void basic_websocket_session<Stream>::write() {
  if (is_writing_ || out_.empty() || phase_ == phase::ended)
    return;
  error_code ec;
  const auto size = transport<Stream>::try_write(stream_, boost::asio::buffer(out_), ec);
  if (ec)
    return end();
  if (size == out_.size()) {
    out_.clear();
    if (out_.capacity() > idle_buffer_bytes_max)
      out_.shrink_to_fit();
    return;
  }
  writing_ = std::exchange(out_, {});
  written_ = size;
  is_writing_ = true;
  write_rest();
}

template <class Stream>
void basic_websocket_session<Stream>::write_rest() {
  stalled_ticks_ = 0;
  stream_.async_write_some(boost::asio::buffer(writing_) + written_,
                           [self = self_](error_code ec, std::size_t size) {
                             self->guarded([&] { self->on_written(ec, size); });
                           });
}

template <class Stream>
void basic_websocket_session<Stream>::on_written(error_code ec, std::size_t size) {
  if (phase_ == phase::ended)
    return;
  if (ec)
    return end();
  written_ += size;
  if (written_ < writing_.size())
    return write_rest();
  is_writing_ = false;
  writing_ = {};
  written_ = 0;
  advance();
}

// Time counts only while it is the peer's turn: to say something while we listen, to read what we
// send, to end its side after a close. It stands still while credit keeps us from reading.
template <class Stream>
void basic_websocket_session<Stream>::tick() {
  const bool is_closing = phase_ == phase::closing || phase_ == phase::lingering;
  const auto patience = is_closing ? closing_ticks_max_ : silent_ticks_max_;
  if (is_writing_ && ++stalled_ticks_ > patience)
    return end();
  if (!is_reading_ || (phase_ != phase::serving && phase_ != phase::lingering))
    return;
  if (++silent_ticks_ > patience)
    return end();
  if (phase_ == phase::serving && silent_ticks_ == patience / 2) {
    append_ping_frame(out_);
    advance();
  }
}

template <class Stream>
void basic_websocket_session<Stream>::end() {
  if (std::exchange(phase_, phase::ended) == phase::ended)
    return;
  transport<Stream>::close(stream_);
  boost::asio::post(stream_.get_executor(), [self = self_] { self->finish(); });
}

template <class Stream>
void basic_websocket_session<Stream>::finish() {
  context_.sessions.remove(*this);
  upstream_.reset();
  self_.reset();
}

} // namespace telemetry::net
