#include "net/tls_opening.hpp"

#include "net/tls_stream.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <string>

namespace telemetry::net {

namespace {

constexpr std::string_view no_tls =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 45\r\n"
    "Connection: close\r\n\r\nThis port speaks TLS: use https:// or wss://\n";

/// Bytes that a client without TLS may send after its answer.
constexpr std::size_t discarded_bytes_max = 1u << 20;

class tls_opening final : public session, private stream_listener {
public:
  tls_opening(std::unique_ptr<byte_stream> stream, session_registry& openings, io_thread& io,
              tls_opening_plan plan)
      : executor_(stream->get_executor()), stream_(std::move(stream)), openings_(openings), io_(io),
        plan_(std::move(plan)), charge_(openings.memory()) {}

  void start();

  // session
  void drain() override { end("the server is shutting down"); }
  void cut() override { end("the connections hold too much memory"); }
  void tick() override;
  [[nodiscard]] std::size_t reclaimable() const override { return held_bytes(); }

private:
  enum class phase {
    hello,     ///< gathers the ClientHello
    handshake, ///< stream_ is a tls_stream
    telling,   ///< tells a client without TLS, and discards its input
    ended,
  };

  void on_ready() override;
  void work();
  void read_hello();
  void use_hello(tls_hello judged);
  void begin_handshake();
  void shake_hands();
  void tell();
  void discard();
  void end(std::string_view why);
  void finish();

  [[nodiscard]] std::size_t held_bytes() const {
    return phase_ == phase::ended
               ? 0
               : connection_bytes + received_.capacity() + stream_->holdings().total();
  }

  std::shared_ptr<tls_opening> self_; ///< until finish()
  const boost::asio::any_io_executor executor_;
  std::unique_ptr<byte_stream> stream_;
  tls_stream* tls_ = nullptr; ///< stream_, in phase handshake
  session_registry& openings_;
  io_thread& io_;
  const tls_opening_plan plan_;
  memory_charge charge_;
  std::string received_; ///< the beginning of a ClientHello
  std::string_view why_; ///< the opening has failed
  std::size_t discarded_bytes_ = 0;
  phase phase_ = phase::hello;
};

void tls_opening::start() {
  self_ = std::static_pointer_cast<tls_opening>(shared_from_this());
  openings_.add(self_, true);
  byte_stream::error_code ec;
  stream_->watch(*this, ec);
  if (ec)
    return end("the socket cannot be watched");
  charge_.hold(held_bytes());
  if (openings_.draining())
    drain();
}

/// An exception is a bug or a lack of memory, and ends this opening.
void tls_opening::on_ready() {
  try {
    work();
    if (charge_.hold(held_bytes()))
      openings_.relieve_soon(io_);
  } catch (const std::exception&) {
    end("no memory is left");
  }
}

void tls_opening::work() {
  switch (phase_) {
  case phase::hello:
    return read_hello();
  case phase::handshake:
    return shake_hands();
  case phase::telling:
    return discard();
  case phase::ended:
    return;
  }
}

void tls_opening::read_hello() {
  auto& space = tls_buffers::of_thread().input;
  while (phase_ == phase::hello && stream_->is_readable()) {
    const auto before = received_.copy(space.data(), space.size());
    byte_stream::error_code ec;
    const auto size = stream_->try_read(std::span(space).subspan(before), ec);
    if (ec)
      return end("the client has gone");
    if (size > 0)
      note_progress();
    received_ = std::string(space.data(), before + size); // as large as needed
    use_hello(judge_hello(received_));
  }
}

void tls_opening::use_hello(tls_hello judged) {
  switch (judged) {
  case tls_hello::partial:
    return;
  case tls_hello::whole:
    return begin_handshake();
  case tls_hello::http:
    return tell();
  case tls_hello::refused:
    return end("no ClientHello of TLS");
  }
}

void tls_opening::begin_handshake() {
  auto made = std::make_unique<tls_stream>(std::move(stream_), plan_.credentials, received_);
  received_ = {};
  tls_ = made.get();
  stream_ = std::move(made);
  phase_ = phase::handshake;
  byte_stream::error_code ec;
  stream_->watch(*this, ec);
  if (ec)
    return end("the socket cannot be watched");
  shake_hands();
}

void tls_opening::shake_hands() {
  note_progress();
  switch (tls_->handshake()) {
  case tls_stream::progress::waits:
    return;
  case tls_stream::progress::failed:
    return end(tls_->fault());
  case tls_stream::progress::done:
    phase_ = phase::ended;
    charge_.give_back();
    boost::asio::post(executor_, [self = self_] { self->finish(); });
  }
}

void tls_opening::tell() {
  byte_stream::error_code ec;
  stream_->try_write(no_tls, ec); // fits into the buffer of a new socket
  received_ = {};
  if (ec)
    return end("the client has gone");
  stream_->end_writing();
  phase_ = phase::telling;
}

/// Reads on, because closing a socket with unread input would destroy the answer on its way.
void tls_opening::discard() {
  auto& space = tls_buffers::of_thread().input;
  byte_stream::error_code ec;
  while (!ec && stream_->is_readable() && discarded_bytes_ <= discarded_bytes_max)
    discarded_bytes_ += stream_->try_read(space, ec);
  if (ec || discarded_bytes_ > discarded_bytes_max)
    end("HTTP without TLS");
}

void tls_opening::tick() {
  if (phase_ != phase::ended && std::chrono::steady_clock::now() >= plan_.deadline)
    end("no handshake in time");
}

void tls_opening::end(std::string_view why) {
  if (std::exchange(phase_, phase::ended) == phase::ended)
    return;
  why_ = why;
  if (stream_)
    stream_->close();
  charge_.give_back();
  boost::asio::post(executor_, [self = self_] { self->finish(); });
}

void tls_opening::finish() {
  openings_.remove(*this);
  plan_.on_end(why_.empty() ? std::move(stream_) : nullptr, why_);
  self_.reset();
}

} // namespace

void start_tls_opening(std::unique_ptr<byte_stream> stream, session_registry& openings,
                       io_thread& io, tls_opening_plan plan) {
  std::make_shared<tls_opening>(std::move(stream), openings, io, std::move(plan))->start();
}

} // namespace telemetry::net
