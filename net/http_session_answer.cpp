#include "net/http_session_class.hpp"

#include "net/rest/problem.hpp"

#include <boost/asio/post.hpp>

namespace telemetry::net::detail {

// How a session writes answers, at once or piece by piece.

namespace {

namespace http = boost::beast::http;

/// Bytes that a long answer holds while it is sent: a piece as text, and the same piece with its
/// framing.
constexpr std::size_t long_answer_bytes = 160u << 10;

} // namespace

void http_session::respond(http_answer answer) {
  const bool is_refused =
      phase_ != phase::closed && answer.more && !loan_.raise_to(long_answer_bytes);
  if (phase_ == phase::closed || is_refused)
    more_ = std::move(answer.more); // not destroyed here, because its callback may be running
  if (phase_ == phase::closed)
    return;
  give_back_body();
  if (is_refused)
    answer = make_problem(503, target(), "too many long answers are under way");
  const auto& head = reader_.head();
  writer_.start(answer,
                {.http_1_0 = head.version() == 10,
                 .head_only = head.method() == http::verb::head,
                 .keep_alive = keep_alive_ && !draining_},
                context_.options.version);
  if (answer.more)
    more_ = std::move(answer.more);
  // An HTTP/1.0 client would take an orderly close for the end of the body.
  stream_->reset_at_close(!writer_.is_last());
  phase_ = phase::writing;
  patience_.wait_idle();
  write();
}

/// Makes room for other bodies before the client has read its answer, which may take long.
void http_session::give_back_body() {
  if (operation_ && share_.bytes() > 0) // not destroyed here, because its callback is running
    boost::asio::post(stream_->get_executor(), [gone = std::move(operation_)] {});
  share_.give_back();
}

void http_session::write() {
  if (!stream_->is_writable())
    return;
  byte_stream::error_code ec;
  const auto size = stream_->try_write(writer_.unsent(), ec);
  if (ec)
    return close();
  if (size > 0) {
    patience_.wait_idle();
    note_progress();
  }
  writer_.sent(size);
  if (writer_.unsent().empty())
    on_written();
}

void http_session::on_written() {
  if (std::exchange(invites_, false)) {
    phase_ = phase::body;
    patience_.wait_for_body(reader_.body_size());
    return work_later();
  }
  if (!writer_.is_last()) {
    phase_ = phase::answering;
    patience_.wait_for_engine();
    wants_piece_ = true;
    return work_later();
  }
  stream_->reset_at_close(false);
  if (writer_.keeps_alive() && !draining_)
    next_request();
  else
    linger();
}

/// Asks for the next piece of a long body. @pre the client has taken the previous piece.
void http_session::pull() {
  wants_piece_ = false;
  more_->next(weakly(&http_session::on_piece));
}

void http_session::on_piece(result<body_piece> piece) {
  if (phase_ == phase::closed)
    return;
  if (!piece)
    return close(); // a reset, because the head promised a whole body
  writer_.add(*piece);
  phase_ = phase::writing;
  patience_.wait_idle();
  write();
}

} // namespace telemetry::net::detail
