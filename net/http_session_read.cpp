#include "net/http_session_class.hpp"

#include "net/rest/problem.hpp"
#include "net/websocket_session.hpp"

#include <boost/asio/post.hpp>

#include <array>

namespace telemetry::net::detail {

// How a session reads requests and dispatches them.

namespace {

using progress = http_request_reader::progress;

constexpr std::size_t read_bytes_max = 64u << 10;

constexpr read_fault handshake_with_body{400, "a WebSocket handshake has no body"};

/// The buffer of a read. One per I/O thread suffices, because no bytes stay in it between turns.
std::span<char> read_space() noexcept {
  static thread_local std::array<char, read_bytes_max> space;
  return space;
}

} // namespace

bool http_session::use_received() { return phase_ == phase::head ? read_head() : read_body(); }

bool http_session::read_head() {
  switch (reader_.read_head()) {
  case progress::partial:
    return true;
  case progress::whole:
    return on_head();
  case progress::faulty:
    refuse(reader_.fault());
  }
  return false;
}

bool http_session::on_head() {
  const auto& head = reader_.head();
  keep_alive_ = keeps_alive(head);
  auto fault = fault_of(head);
  auto answer = fault ? std::nullopt : route_request();
  const bool asks_upgrade = !fault && !answer && route_.where == endpoint::upstream;
  upgrade_ = asks_upgrade ? judge_upgrade(head) : upgrade_request::none;
  if (!fault)
    fault = judge_head();
  if (fault) {
    refuse(*fault);
    return false;
  }
  reader_.begin_body();
  if (!answer)
    return ask_for_body();
  const bool is_whole = reader_.read_body() == progress::whole;
  keep_alive_ = keep_alive_ && is_whole && !lacks_length(head);
  respond(std::move(*answer));
  return false;
}

/// The caller of requests that show nothing else: a local user, or the key that lists the client's
/// certificate. nullptr if there is none.
caller_ptr http_session::caller_of_connection() const {
  if (local_ || !context_.known->asks_for_keys())
    return local_;
  if (credentials_of(reader_.head()).lines > 0)
    return nullptr;
  const auto shown = stream_->certificate();
  const bool is_valid = shown && shown->ends_at > std::chrono::system_clock::now();
  return is_valid ? context_.known->identify(shown->identities, wall_now()) : nullptr;
}

/// Finds route and caller of the request, and forgets how the caller showed its right.
std::optional<http_answer> http_session::route_request() {
  std::optional<access_refusal> refused;
  auto answer = find_route(request_of(reader_.head()), {*context_.known, caller_of_connection()},
                           route_, &refused);
  reader_.forget_credentials();
  if (refused && context_.options.on_access_refused)
    context_.options.on_access_refused({.why = name_of(refused->why),
                                        .key_id = refused->key_id,
                                        .route = refused->pattern,
                                        .address = stream_->peer_address()});
  who_ = answer ? nullptr : route_.who;
  if (!answer && who_ && !is_proven()) {
    is_over_limit_ = context_.is_full && context_.is_full();
    context_.sessions.prove(*this);
  }
  return answer;
}

/// Faults of a head that is well-formed.
std::optional<read_fault> http_session::judge_head() const {
  if (!context_.refusal.empty() && upgrade_ != upgrade_request::good)
    return read_fault{503, context_.refusal};
  if (is_over_limit_ && upgrade_ != upgrade_request::good)
    return read_fault{503, context_.over_limit->refusal};
  if (upgrade_ == upgrade_request::good && reader_.announces_body())
    return handshake_with_body;
  return std::nullopt;
}

bool http_session::ask_for_body() {
  const auto size = reader_.body_size();
  if (size > context_.options.body_bytes_max) {
    refuse(body_too_large);
    return false;
  }
  const auto place = size > 0 ? share_.ask(size) : body_share::place::taken;
  if (place == body_share::place::refused)
    refuse(too_many_bodies);
  if (place == body_share::place::waiting) {
    phase_ = phase::waiting;
    patience_.wait_idle();
  }
  return place == body_share::place::taken && begin_body();
}

bool http_session::begin_body() {
  phase_ = phase::body;
  patience_.wait_for_body(reader_.body_size());
  const bool lacks_more = read_body();
  if (!lacks_more || !expects_continue(reader_.head()))
    return lacks_more;
  invites_ = true;
  phase_ = phase::writing;
  writer_.invite_body();
  write();
  return phase_ == phase::body;
}

bool http_session::read_body() {
  const auto so_far = reader_.read_body();
  if (so_far == progress::faulty)
    refuse(reader_.fault());
  else if (reader_.has_chunked_body() && !share_.grow_to(reader_.body_bytes()))
    refuse(too_many_bodies);
  else if (so_far == progress::whole)
    dispatch();
  return phase_ == phase::body;
}

/// Reads once. @returns whether it received bytes and the session is still open.
bool http_session::read() {
  if (!stream_->is_readable())
    return false;
  byte_stream::error_code ec;
  const auto space = read_space();
  const auto size = stream_->try_read(space, ec);
  if (ec)
    close(); // every complete request is answered, because a session reads only if it lacks bytes
  else if (size > 0)
    receive({space.data(), size});
  if (context_.known->asks_for_keys())
    ::explicit_bzero(space.data(), size); // it may have credentials
  return size > 0 && phase_ != phase::closed;
}

void http_session::receive(std::string_view bytes) {
  note_progress();
  if (phase_ == phase::lingering)
    return discard(bytes.size());
  if (phase_ == phase::body)
    patience_.on_bytes(bytes.size());
  else if (!reader_.begun())
    patience_.wait_idle();
  reader_.receive(bytes);
}

void http_session::refuse(const read_fault& fault) {
  keep_alive_ = false;
  respond(make_problem(fault.status, target(), fault.detail));
}

void http_session::refuse_ended_right() {
  keep_alive_ = false;
  invites_ = false;
  respond(answer_ended_right(target()));
}

void http_session::dispatch() {
  if (upgrade_ == upgrade_request::good)
    return draining_ ? refuse(shutting_down) : hand_over();
  if (route_.where == endpoint::upstream)
    if (auto answer = refuse_upgrade(upgrade_, target()))
      return respond(std::move(*answer));
  phase_ = phase::answering;
  wants_piece_ = false;
  patience_.wait_for_engine();
  http_request request = request_of(reader_.head());
  request.body = reader_.take_body();
  auto operation = answer_request(std::move(request), std::move(route_), context_.rest_for(who_),
                                  weakly(&http_session::respond));
  if (phase_ == phase::answering || more_) // otherwise it has answered within the call
    operation_ = std::move(operation);
}

/// Gives the connection to a WebSocket session. This session ends without closing it.
void http_session::hand_over() {
  phase_ = phase::closed;
  boost::asio::post(stream_->get_executor(), [self = self_] { self->finish(); });
  context_.sessions.remove(*this);
  simplify_upgrade(reader_.head());
  start_websocket_session(std::move(stream_), reader_.head(), reader_.received(),
                          is_over_limit_ ? *context_.over_limit : context_, who_);
}

} // namespace telemetry::net::detail
