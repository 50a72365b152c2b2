#include "net/websocket_session_class.hpp"

#include "net/rest/problem.hpp"

#include <boost/asio/post.hpp>

namespace telemetry::net {

namespace detail {

// The life of a WebSocket, and how it writes.

void websocket_session::start(const websocket_codec::request& upgrade, std::string_view received) {
  self_ = std::static_pointer_cast<websocket_session>(shared_from_this());
  context_.sessions.add(self_, true);
  const auto server = "telemetryd/" + context_.options.version;
  guarded([&] {
    byte_stream::error_code ec;
    stream_->watch(*this, ec);
    if (ec)
      return end();
    if (const auto refusal = codec_.accept(upgrade, server, inbox_, out_)) {
      refuse(*refusal, server);
    } else {
      note_certificate();
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

void websocket_session::review_rights() {
  const bool has_ended = certificate_ends_ && *certificate_ends_ <= wall_now();
  auto now = has_ended ? nullptr : renew_rights(*context_.known, who_, *stream_);
  if (now == who_)
    return;
  if (!now || !now->may.include(scope::ingest))
    return guarded([&] { close(close_code::policy, "the right to send has ended"); });
  who_ = std::move(now);
  if (upstream_)
    upstream_->change_caller(who_);
}

void websocket_session::note_certificate() {
  using std::chrono::milliseconds;
  if (who_->certificate.empty())
    return;
  if (const auto shown = stream_->certificate())
    certificate_ends_ =
        std::chrono::duration_cast<milliseconds>(shown->ends_at.time_since_epoch()).count();
}

void websocket_session::note_protocols(const websocket_codec::request& upgrade) const {
  const auto offered = upgrade[boost::beast::http::field::sec_websocket_protocol];
  if (!offered.empty() && !offers_protocol(upgrade, websocket_codec::protocol) &&
      context_.options.on_protocol_refused)
    context_.options.on_protocol_refused();
}

void websocket_session::open() {
  if (context_.sessions.draining())
    return drain();
  is_delivering_ = true;
  auto opened = context_.upstreams.open(*this, context_.io, who_);
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

void websocket_session::close_with(std::string frame) {
  if (phase_ != phase::serving)
    return;
  phase_ = phase::answering;
  close_frame_ = std::move(frame);
  advance();
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
    if (has_peers_end_ && stream_->holdings().unsent > 0)
      return account(); // close() would drop it
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

std::size_t websocket_session::held_bytes() const {
  if (phase_ == phase::ended)
    return 0;
  return connection_bytes + stream_->holdings().total() + codec_.held_bytes() + out_.capacity();
}

// A session that awaits its turn with a begun message counts as well. Otherwise many such sessions
// could fill the memory within a tick, and none of them could be cut.
std::size_t websocket_session::reclaimable() const {
  const auto& below = stream_->holdings();
  const bool waits_for_peer = !out_.empty() || below.unsent > 0 ||
                              (is_listening_ && (codec_.is_within_message() || below.unread > 0));
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
    pace_.note_answer(std::chrono::steady_clock::now());
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
  if ((!out_.empty() || stream_->holdings().unsent > 0) && ++stalled_ticks_ > patience)
    return end();
  if (certificate_ends_ && phase_ == phase::serving && *certificate_ends_ <= wall_now())
    review_rights();
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

} // namespace detail

void start_websocket_session(
    std::unique_ptr<byte_stream> stream,
    const boost::beast::http::request<boost::beast::http::string_body>& upgrade,
    std::string_view received, session_context& context, caller_ptr who) {
  std::make_shared<detail::websocket_session>(std::move(stream), context, std::move(who))
      ->start(upgrade, received);
}

} // namespace telemetry::net
