#include "net/websocket_session_class.hpp"

#include <boost/asio/error.hpp>

namespace telemetry::net::detail {

// How a WebSocket takes turns, reads, and delivers messages.

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
    if (size > 0 && phase_ == phase::serving)
      follow_pace();
  } else if (awaits_peers_close_) {
    look_for_close(size);
  }
}

void websocket_session::follow_pace() {
  pace_.note_read(std::chrono::steady_clock::now(), turn_lines_);
  byte_stream::error_code ec;
  stream_->gather_reads(pace_.may_gather(), ec);
  if (ec)
    end();
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

} // namespace telemetry::net::detail
