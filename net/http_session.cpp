#include "net/http_session.hpp" // first: it includes what Asio lacks

#include "net/deadline.hpp"
#include "net/http_body_reader.hpp"
#include "net/http_head_scanner.hpp"
#include "net/http_request_head.hpp"
#include "net/http_response_head.hpp"
#include "net/http_upgrade.hpp"
#include "net/rest/problem.hpp"
#include "net/rest/rest_handler.hpp"
#include "net/socket_stream.hpp"
#include "net/websocket_session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/read_size.hpp>
#include <boost/beast/http/parser.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <optional>

namespace telemetry::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::beast::error_code;

constexpr std::size_t read_bytes_max = 64u << 10;
/// A buffer above this is given back before the next request is waited for.
constexpr std::size_t idle_bytes_max = 16u << 10;
/// A body must arrive at this rate on average, once idle_timeout is over.
constexpr std::int64_t body_bytes_per_ms_min = 1;
/// Bytes in memory for a byte of body: itself, and the events that are read from it.
constexpr std::size_t body_memory_factor = 4;
/// Bytes that a long answer under way holds: a piece as text and, framed, as what is written.
constexpr std::size_t long_answer_bytes = 160u << 10;
/// After the last answer: how long a client may be silent that does not close, and what it may
/// still send. Closing a socket with unread input would destroy the answer on its way.
constexpr std::chrono::seconds linger_timeout{2};
constexpr std::size_t linger_bytes_max = 64u << 20;

constexpr read_fault head_too_large{431, "the request's header is too large"};
constexpr read_fault malformed{400, "the request is not well-formed HTTP/1.1"};
constexpr read_fault body_too_large{413, "the body is larger than ingest.max_body"};
constexpr read_fault trailer_too_large{431, "the trailers of the body are too large"};
constexpr read_fault handshake_with_body{400, "a WebSocket handshake has no body"};
constexpr read_fault shutting_down{503, "the server is shutting down"};
constexpr read_fault too_many{503, "the server has too many connections"};
constexpr read_fault too_many_bodies{503, "too many large bodies are being read"};

/// One HTTP connection: reads a request, has it answered, writes the answer, reads the next.
///
/// The wait of its timer owns it, with whatever operation is under way; the engine's callbacks
/// only watch it.
class http_session final : public session {
public:
  http_session(asio::ip::tcp::socket socket, session_context& context)
      : socket_(std::move(socket)), deadline_(socket_.get_executor()), context_(context),
        buffer_(read_bytes_max + head_bytes_max), loan_(context.memory) {}

  ~http_session() override { context_.sessions.remove(*this); }

  void start() {
    context_.sessions.add(shared_from_this());
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    read_header();
    watch();
    if (context_.sessions.draining())
      drain();
  }

  void drain() override {
    if (draining_)
      return;
    draining_ = true;
    if (phase_ == phase::header && !begun())
      close();
    else if (phase_ == phase::header || phase_ == phase::body)
      interrupt(shutting_down);
  }

  void cut() override { close(); }

private:
  enum class phase { header, body, answering, writing, lingering, closed };

  [[nodiscard]] std::shared_ptr<http_session> self() {
    return std::static_pointer_cast<http_session>(shared_from_this());
  }

  /// A completion handler that keeps the session alive and lets no exception out.
  template <class Step>
  auto on(Step step) {
    return [keep = self(), step](error_code error, std::size_t bytes = 0) {
      if (keep->phase_ == phase::closed)
        return;
      try {
        ((*keep).*step)(error, bytes);
      } catch (const std::exception&) {
        keep->close(); // out of memory: this connection is what can be given up
      }
    };
  }

  // Reading -----------------------------------------------------------------------------------

  void read_header() {
    phase_ = phase::header;
    operation_.reset();
    more_.reset();
    loan_.give_back();
    skip_empty_lines();
    if (buffer_.size() == 0 && buffer_.capacity() > idle_bytes_max)
      buffer_.shrink_to_fit();
    if (out_.capacity() > idle_bytes_max)
      out_ = {};
    interruption_.reset();
    parser_.emplace();
    parser_->header_limit(head_bytes_max);
    parser_->body_limit(context_.options.body_bytes_max);
    head_ = {};
    body_ = {};
    deadline_.move_after(context_.options.idle_timeout);
    collect_head();
  }

  /// A part of the next request is there.
  [[nodiscard]] bool begun() const { return buffer_.size() > 0; }

  [[nodiscard]] std::string_view received() const {
    return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  }

  /// Drops empty lines before a request (RFC 9112, 2.2). They begin none, so the deadline stays
  /// where it is and a client that sends nothing else is closed as a silent one.
  void skip_empty_lines() {
    while (received().starts_with("\r\n"))
      buffer_.consume(2);
  }

  /// Waits for a whole head, because Beast bounds only a head that arrives in one piece.
  void collect_head() {
    skip_empty_lines();
    switch (head_.scan(received())) {
    case head_scanner::state::partial:
      return socket_.async_read_some(
          buffer_.prepare(boost::beast::read_size(buffer_, read_bytes_max)),
          on(&http_session::on_head_part));
    case head_scanner::state::whole:
      return on_head();
    case head_scanner::state::too_large:
      return refuse(head_too_large);
    case head_scanner::state::malformed:
      return refuse(malformed);
    }
  }

  void on_head_part(error_code error, std::size_t bytes) {
    buffer_.commit(bytes);
    if (error || interruption_)
      return on_read_error(error);
    collect_head();
  }

  void on_head() {
    error_code error;
    buffer_.consume(parser_->put(boost::asio::buffer(buffer_.data(), head_.bytes()), error));
    if (error == http::error::need_more) // Beast finds another end than the scanner
      return refuse(malformed);
    if (error)
      return on_read_error(error);
    join_list_fields(parser_->get());
    keep_alive_ = keeps_alive(parser_->get());
    head_only_ = parser_->get().method() == http::verb::head;
    if (const auto fault = fault_of(parser_->get()))
      return refuse(*fault);
    auto answer = find_route(request_of(parser_->get()), route_);
    const bool asks_upgrade = !answer && route_.where == endpoint::upstream;
    upgrade_ = asks_upgrade ? judge_upgrade(parser_->get()) : upgrade_request::none;
    if (context_.over_limit && upgrade_ != upgrade_request::good)
      return refuse(too_many);
    if (upgrade_ == upgrade_request::good && !parser_->is_done())
      return refuse(handshake_with_body);
    begin_body();
    if (answer) {
      keep_alive_ = keep_alive_ && body_.status() == http_body_reader::state::whole &&
                    !lacks_length(parser_->get());
      return respond(std::move(*answer));
    }
    if (body_.status() == http_body_reader::state::whole)
      return dispatch();
    if (expects_continue(parser_->get()))
      return invite_body();
    read_body();
  }

  /// Takes what has come of the body behind the head.
  void begin_body() {
    body_ = parser_->chunked()
                ? http_body_reader::chunked(context_.options.body_bytes_max)
                : http_body_reader::with_length(parser_->content_length().value_or(0));
    buffer_.consume(body_.take(received()));
  }

  /// Answers `Expect: 100-continue`.
  void invite_body() {
    phase_ = phase::writing;
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::buffer(out_), on(&http_session::on_invited));
  }

  void on_invited(error_code error, std::size_t) { error ? close() : read_body(); }

  void read_body() {
    phase_ = phase::body;
    body_begin_ = deadline::clock::now();
    body_bytes_ = 0;
    judge_body();
  }

  void on_body(error_code error, std::size_t bytes) {
    buffer_.commit(bytes);
    if (error)
      return on_read_error(error);
    body_bytes_ += static_cast<std::int64_t>(bytes);
    buffer_.consume(body_.take(received()));
    judge_body();
  }

  void judge_body() {
    if (body_.status() == http_body_reader::state::whole)
      return dispatch();
    if (draining_ && !interruption_)
      interruption_ = shutting_down;
    if (!interruption_)
      interruption_ = body_fault();
    if (!interruption_ && !loan_.raise_to(body_memory_factor * body_.text().size()))
      interruption_ = too_many_bodies;
    if (interruption_)
      return refuse(*interruption_);
    deadline_.move_to(body_begin_ + context_.options.idle_timeout +
                      std::chrono::milliseconds(body_bytes_ / body_bytes_per_ms_min));
    socket_.async_read_some(buffer_.prepare(boost::beast::read_size(buffer_, read_bytes_max)),
                            on(&http_session::on_body));
  }

  [[nodiscard]] std::optional<read_fault> body_fault() const {
    switch (body_.status()) {
    case http_body_reader::state::partial:
    case http_body_reader::state::whole:
      return std::nullopt;
    case http_body_reader::state::malformed:
      return malformed;
    case http_body_reader::state::too_large:
      return body_too_large;
    case http_body_reader::state::trailer_too_large:
      return trailer_too_large;
    }
    return std::nullopt;
  }

  void on_read_error(error_code error) {
    const auto fault = interruption_ ? interruption_ : fault_of(error);
    if (fault)
      refuse(*fault);
    else
      close();
  }

  /// Ends the read under way; its handler then refuses the request with `why`.
  void interrupt(read_fault why) {
    interruption_ = why;
    error_code ignored;
    socket_.cancel(ignored);
  }

  void refuse(const read_fault& fault) {
    keep_alive_ = false;
    head_only_ = parser_->get().method() == http::verb::head;
    respond(make_problem(fault.status, view(parser_->get().target()), fault.detail));
  }

  // Answering ---------------------------------------------------------------------------------

  void dispatch() {
    if (upgrade_ == upgrade_request::good)
      return draining_ ? refuse(shutting_down) : hand_over();
    if (route_.where == endpoint::upstream)
      if (auto answer = refuse_upgrade(upgrade_, view(parser_->get().target())))
        return respond(std::move(*answer));
    phase_ = phase::answering;
    http_request request = request_of(parser_->get());
    request.body = std::move(body_.text());
    operation_ = answer_request(std::move(request), std::move(route_), context_.rest_for(who_),
                                [weak = weak_from_this()](http_answer answer) {
                                  if (const auto locked = weak.lock())
                                    static_cast<http_session&>(*locked).respond(std::move(answer));
                                });
  }

  /// The connection is a WebSocket from now on: this session ends without closing it.
  void hand_over() {
    phase_ = phase::closed;
    deadline_.cancel();
    const std::string received = boost::beast::buffers_to_string(buffer_.data());
    auto upgrade = parser_->release();
    simplify_upgrade(upgrade);
    start_websocket_session(std::make_unique<socket_stream>(std::move(socket_)), upgrade, received,
                            context_, who_);
  }

  void respond(http_answer answer) {
    if (phase_ == phase::closed) {
      if (answer.more) // not destroyed here: its callback may be what runs now
        asio::post(socket_.get_executor(), [gone = std::move(answer.more)] {});
      return;
    }
    if (answer.more && !loan_.raise_to(long_answer_bytes)) {
      more_ = std::move(answer.more); // not destroyed here: its callback may be what runs now
      answer =
          make_problem(503, view(parser_->get().target()), "too many long answers are under way");
    }
    auto frame = frame_of(answer, parser_->get().version() == 10);
    keep_alive_ = keep_alive_ && !draining_ && frame.framing != http_framing::close;
    frame.keep_alive = keep_alive_;
    frame.version = context_.options.version;
    out_.clear();
    append_head(out_, answer, frame);
    chunked_ = frame.framing == http_framing::chunked;
    last_ = !answer.more || head_only_;
    if (answer.more)
      more_ = std::move(answer.more);
    if (!head_only_)
      append_body(answer.body);
    if (!last_)
      reset_at_close(true);
    write();
  }

  void append_body(std::string_view text) {
    if (chunked_ && !text.empty())
      append_chunk(out_, text);
    else
      out_ += text;
  }

  void write() {
    phase_ = phase::writing;
    deadline_.move_after(context_.options.idle_timeout);
    // The condition runs after every partial write: progress puts the deadline off.
    asio::async_write(
        socket_, asio::buffer(out_),
        [this](error_code error, std::size_t) -> std::size_t {
          deadline_.move_after(context_.options.idle_timeout);
          return error ? 0 : read_bytes_max;
        },
        on(&http_session::on_written));
  }

  void on_written(error_code error, std::size_t) {
    if (error)
      return close();
    if (!last_)
      return pull();
    reset_at_close(false);
    if (keep_alive_ && !draining_)
      return read_header();
    linger();
  }

  /// Asks for the next piece of a long body, now that its reader has taken the one before.
  void pull() {
    phase_ = phase::answering;
    more_->next([weak = weak_from_this()](result<body_piece> piece) {
      if (const auto locked = weak.lock())
        static_cast<http_session&>(*locked).on_piece(std::move(piece));
    });
  }

  void on_piece(result<body_piece> piece) {
    if (phase_ == phase::closed)
      return;
    if (!piece)
      return close(); // a reset, because the head promised a whole body
    last_ = piece->last;
    out_.clear();
    append_body(piece->text);
    if (last_ && chunked_)
      out_ += last_chunk;
    write();
  }

  // Ending ------------------------------------------------------------------------------------

  /// While an answer is not whole, closing the socket resets the connection, because a client of
  /// HTTP/1.0 would take an end in order for the end of the body. The kernel does it, so the reset
  /// also comes when the process is killed.
  void reset_at_close(bool on) {
    if (resets_ == on)
      return;
    resets_ = on;
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(on, 0), ignored);
  }

  void linger() {
    phase_ = phase::lingering;
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    on_lingered(ignored ? ignored : error_code{}, 0);
  }

  void on_lingered(error_code error, std::size_t bytes) {
    lingered_bytes_ += bytes;
    if (error || lingered_bytes_ > linger_bytes_max)
      return close();
    static thread_local std::array<char, read_bytes_max> discarded;
    deadline_.move_after(linger_timeout);
    socket_.async_read_some(asio::buffer(discarded), on(&http_session::on_lingered));
  }

  void close() {
    if (phase_ == phase::closed)
      return;
    phase_ = phase::closed;
    error_code ignored;
    socket_.close(ignored);
    deadline_.cancel();
    // A stream may not be destroyed from within its own callback, which may be what runs now.
    if (more_ || operation_)
      asio::post(socket_.get_executor(),
                 [gone = std::move(more_), over = std::move(operation_)] {});
  }

  // Time --------------------------------------------------------------------------------------

  void watch() { deadline_.wait(on(&http_session::on_timer)); }

  void on_timer(error_code, std::size_t) {
    if (deadline_.passed())
      on_timeout();
    if (phase_ != phase::closed)
      watch();
  }

  void on_timeout() {
    switch (phase_) {
    case phase::header:
      if (!begun())
        return close();
      [[fallthrough]];
    case phase::body:
      interrupt({408, "the request did not arrive in time"});
      return deadline_.move_after(context_.options.idle_timeout);
    case phase::answering: // the engine keeps its own time
      return deadline_.move_after(context_.options.idle_timeout);
    case phase::writing:
    case phase::lingering:
    case phase::closed:
      return close();
    }
  }

  asio::ip::tcp::socket socket_;
  deadline deadline_;
  session_context& context_;
  const caller_ptr who_ = anonymous();
  boost::beast::flat_buffer buffer_;
  head_scanner head_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http_body_reader body_;
  rest_route route_{};
  upgrade_request upgrade_ = upgrade_request::none; ///< judged at the head, before any body
  std::shared_ptr<rest_operation> operation_;
  std::unique_ptr<body_source> more_;
  std::string out_; ///< what is being written
  request_loan loan_;
  std::optional<read_fault> interruption_;
  deadline::clock::time_point body_begin_;
  std::int64_t body_bytes_ = 0;
  std::size_t lingered_bytes_ = 0;
  phase phase_ = phase::header;
  bool draining_ = false;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool chunked_ = false;
  bool last_ = false;   ///< what is being written ends the answer
  bool resets_ = false; ///< as reset_at_close() says
};

} // namespace

void start_http_session(asio::ip::tcp::socket socket, session_context& context) {
  std::make_shared<http_session>(std::move(socket), context)->start();
}

} // namespace telemetry::net
