#include "net/http_session_class.hpp"

#include <boost/asio/post.hpp>

namespace telemetry::net {

// How a session takes turns, times out and ends.

namespace detail {

/// Most bytes that a client may send after the last answer.
constexpr std::size_t linger_bytes_max = 64u << 20;

constexpr read_fault too_slow{408, "the request did not arrive in time"};

void http_session::start() {
  self_ = std::static_pointer_cast<http_session>(shared_from_this());
  if (const auto user = stream_->peer_user())
    local_ = local_caller(user->uid);
  context_.sessions.add(self_, local_ || !context_.known->asks_for_keys());
  byte_stream::error_code ec;
  stream_->watch(*this, ec);
  if (ec)
    return close();
  patience_.wait_idle();
  account();
  if (context_.sessions.draining())
    drain();
}

void http_session::drain() {
  if (draining_)
    return;
  draining_ = true;
  if (phase_ == phase::head && !reader_.begun())
    end_idle();
  else if (phase_ == phase::head || phase_ == phase::waiting || phase_ == phase::body)
    guarded([&] { refuse(shutting_down); });
}

void http_session::on_ready() {
  if (phase_ != phase::closed)
    guarded([&] {
      work();
      account();
    });
}

/// Takes one step with at most one read. A session that has more to do continues in a later turn,
/// after the other sessions.
void http_session::work() {
  drop_answered();
  switch (phase_) {
  case phase::head:
  case phase::body:
    if (use_received() && read() && use_received() && stream_->is_readable())
      work_later();
    return;
  case phase::waiting:
    if (share_.where() == body_share::place::taken && begin_body() && stream_->is_readable())
      work_later();
    return;
  case phase::answering:
    return wants_piece_ ? pull() : void();
  case phase::writing:
    return write();
  case phase::lingering:
    if (read() && stream_->is_readable())
      work_later();
    return;
  case phase::closed:
    return;
  }
}

/// Destroys the operation and the source of the last answer. This cannot happen when they answer,
/// because they call respond() or on_piece() themselves.
void http_session::drop_answered() {
  if (phase_ != phase::head && phase_ != phase::lingering)
    return;
  operation_.reset();
  more_.reset();
}

void http_session::work_later() {
  if (std::exchange(works_later_, true))
    return;
  boost::asio::post(stream_->get_executor(), [self = self_] {
    self->works_later_ = false;
    self->on_ready();
  });
}

void http_session::tick() {
  drop_answered();
  if (phase_ == phase::waiting)
    context_.bodies.admit(); // because the budget of the process may have room again
  if (phase_ != phase::closed && patience_.tick())
    guarded([&] { on_timeout(); });
  charge_.settle(held_bytes());
}

/// A body that is still on its way is refused, and a long answer is reset, when the right to it
/// ends. What was read before is answered: a short answer, and events that are on their way to the
/// journal.
void http_session::review_rights() {
  const bool awaits_body = phase_ == phase::waiting || phase_ == phase::body || invites_;
  const bool is_long_answer = more_ && (phase_ == phase::answering || phase_ == phase::writing);
  if (!who_ || (!awaits_body && !is_long_answer))
    return;
  auto now = renew_rights(*context_.known, who_, *stream_);
  const bool may_go_on = now && now->may.include(route_.row->right);
  if (awaits_body) {
    if (!may_go_on)
      return guarded([&] { refuse_ended_right(); });
    who_ = std::move(now);
    return;
  }
  if (may_go_on && now->robots.covers(who_->robots))
    return;
  stream_->reset_at_close(true);
  close();
}

/// Excludes bodies and long answers, because context_.memory counts them.
std::size_t http_session::held_bytes() const {
  if (phase_ == phase::closed)
    return 0;
  const auto written = writer_.held_bytes();
  return connection_bytes + stream_->holdings().total() + reader_.held_bytes() + written -
         std::min(written, loan_.bytes());
}

/// Asks for relief even if its own charge is the same, because a body or a long answer may be new.
void http_session::account() {
  charge_.hold(held_bytes());
  context_.sessions.relieve_soon(context_.io);
}

std::size_t http_session::reclaimable() const {
  if (phase_ == phase::closed)
    return 0;
  const auto& below = stream_->holdings();
  const bool is_begun = reader_.begun() || below.unread + below.unsent > 0;
  const bool waits_for_peer = (phase_ == phase::head && is_begun) || phase_ == phase::body ||
                              phase_ == phase::writing || phase_ == phase::lingering;
  return waits_for_peer ? held_bytes() + share_.bytes() + loan_.bytes() : 0;
}

void http_session::on_timeout() {
  switch (phase_) {
  case phase::head:
    return reader_.begun() ? refuse(too_slow) : end_idle();
  case phase::waiting:
    return refuse(too_many_bodies);
  case phase::body:
    return refuse(too_slow);
  case phase::writing:
  case phase::lingering:
    return close();
  case phase::answering:
  case phase::closed:
    return;
  }
}

void http_session::next_request() {
  phase_ = phase::head;
  patience_.wait_idle();
  reader_.start();
  if (reader_.begun() || stream_->is_readable() || more_ || loan_.bytes() > 0)
    work_later();
  loan_.give_back();
}

/// Continues to read after the last answer, because closing a socket with unread input would
/// destroy an answer that is still on its way.
void http_session::linger() {
  phase_ = phase::lingering;
  loan_.give_back();
  stream_->end_writing();
  patience_.wait_for_end();
  work_later();
}

void http_session::discard(std::size_t bytes) {
  lingered_bytes_ += bytes;
  patience_.on_bytes(bytes);
  if (lingered_bytes_ > linger_bytes_max)
    close();
}

/// Ends a connection between two requests. The peer is told that this is the end, because otherwise
/// a client of TLS could not tell it from a cut connection.
void http_session::end_idle() {
  stream_->end_writing();
  close();
}

void http_session::close() {
  if (std::exchange(phase_, phase::closed) == phase::closed)
    return;
  stream_->close();
  share_.give_back();
  loan_.give_back();
  charge_.give_back();
  boost::asio::post(stream_->get_executor(), [self = self_] { self->finish(); });
}

void http_session::finish() {
  context_.sessions.remove(*this);
  operation_.reset();
  more_.reset();
  self_.reset();
}

} // namespace detail

void start_http_session(std::unique_ptr<byte_stream> stream, session_context& context) {
  std::make_shared<detail::http_session>(std::move(stream), context)->start();
}

} // namespace telemetry::net
