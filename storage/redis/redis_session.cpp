#include "storage/redis/redis_session.hpp"

#include "storage/redis/redis_tls.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <hiredis/hiredis.h>
#include <optional>
#include <sys/socket.h>
#include <sys/time.h>
#include <system_error>
#include <utility>

namespace telemetry::redis {
namespace {

constexpr std::size_t read_bytes = 16u << 10;

timeval to_timeval(std::chrono::milliseconds time) {
  timeval out{};
  out.tv_sec = time.count() / 1000;
  out.tv_usec = time.count() % 1000 * 1000;
  return out;
}

/// The value of `field` in a reply to INFO, or "" if there is no such field.
std::string info_field(std::string_view info, std::string_view field) {
  const std::string start = std::string(field) + ":";
  const auto at = info.find(start);
  if (at == std::string_view::npos)
    return {};
  info.remove_prefix(at + start.size());
  return std::string(info.substr(0, info.find_first_of("\r\n")));
}

} // namespace

void redis_session::free_context::operator()(redisContext* context) const noexcept {
  redisFree(context);
}

redis_session::redis_session(redis_options options, welcome greeting)
    : options_(std::move(options)), welcome_(std::move(greeting)) {}

redis_session::~redis_session() = default;

void redis_session::drop() noexcept {
  tls_.reset();
  context_.reset();
  posted_ = 0;
}

result<void> redis_session::connect() {
  if (context_)
    return {};
  const std::size_t servers = options_.socket.empty() ? options_.hosts.size() : 1;
  bool none_will_do = true;
  std::string reasons;
  for (std::size_t i = 0; i < servers; ++i) {
    const std::size_t server = (server_ + i) % servers;
    const result<void> tried = connect_to(server);
    if (tried) {
      server_ = server;
      was_connected_ = true;
      return {};
    }
    drop();
    none_will_do = none_will_do && tried.error().code == errc::invalid_option;
    reasons += (reasons.empty() ? "" : "; ") + tried.error().text;
  }
  if (was_connected_)
    return failure{errc::unavailable, reasons};
  return failure{none_will_do ? errc::invalid_option : errc::unreachable, reasons};
}

result<void> redis_session::connect_to(std::size_t server) {
  if (result<void> dialed = dial(server); !dialed)
    return dialed;
  if (result<void> encrypted = options_.tls ? start_tls(server) : result<void>{}; !encrypted)
    return encrypted;
  if (result<void> greeted = greet(); !greeted)
    return greeted;
  if (redisSetTimeout(context_.get(), to_timeval(options_.read_timeout)) != REDIS_OK)
    return lost();
  return welcome_ ? welcome_(*this) : result<void>{};
}

result<void> redis_session::dial(std::size_t server) {
  const timeval timeout = to_timeval(options_.connect_timeout);
  if (options_.socket.empty()) {
    const server_address& address = options_.hosts[server];
    where_ = "redis at " + address.host + ":" + std::to_string(address.port);
    context_.reset(redisConnectWithTimeout(address.host.c_str(), address.port, timeout));
  } else {
    where_ = "redis at " + options_.socket;
    context_.reset(redisConnectUnixWithTimeout(options_.socket.c_str(), timeout));
  }
  if (!context_)
    return failure{errc::unreachable, where_ + ": out of memory"};
  if (context_->err != 0)
    return failure{errc::unreachable, where_ + ": " + context_->errstr};
  // The first answers count as connecting, because a server that hangs still accepts connections.
  if (redisSetTimeout(context_.get(), timeout) != REDIS_OK ||
      (options_.socket.empty() && redisEnableKeepAlive(context_.get()) != REDIS_OK))
    return lost();
  return {};
}

result<void> redis_session::start_tls(std::size_t server) {
  auto tls = redis_tls::handshake(context_->fd, options_, options_.hosts.at(server).host);
  if (tls) {
    tls_ = std::move(*tls);
    return {};
  }
  if (tls.error().code == errc::unreachable && speaks_plain_text(server))
    return failure{errc::invalid_option,
                   where_ + ": the server speaks no TLS, but redis.tls asks for it"};
  return failure{tls.error().code, where_ + ": " + tls.error().text};
}

/// Whether a server that did not answer the TLS handshake answers a PING in plain text. Redis
/// without TLS takes the handshake for the beginning of a command and waits for its end. The PING
/// contains no secret.
bool redis_session::speaks_plain_text(std::size_t server) {
  return dial(server) && run(redis_pipeline().command({"PING"}));
}

result<void> redis_session::greet() {
  redis_pipeline hello;
  if (!options_.user.empty())
    hello.command({"AUTH", options_.user, options_.password});
  else if (!options_.password.empty())
    hello.command({"AUTH", options_.password});
  hello.command({"SELECT", std::to_string(options_.database)});
  const std::size_t setup = hello.commands();
  // Not PING: this read fails while the server is loading, but not when its disk is full.
  hello.command({"EXISTS", options_.prefix + ":meta"});
  hello.command({"ROLE"}).command({"INFO", "server"});
  const auto replies = run(hello);
  if (!replies)
    return replies.error();
  for (std::size_t i = 0; i <= setup; ++i) {
    const redis_value reply = value_of((*replies)[i]);
    if (!reply.is_error())
      continue;
    failure why = redis_failure(reply.text(), where_);
    const bool is_full = reply.text().find("max number of clients") != std::string_view::npos;
    if (i < setup && why.code == errc::unavailable && reply.text().starts_with("ERR") && !is_full)
      why.code = errc::invalid_option; // no such database; no password is set on the server
    return why;
  }
  const redis_value role = value_of((*replies)[setup + 1]);
  if (role.is_error())
    return redis_failure(role.text(), where_ + ": ROLE");
  if (role[0].text() != "master")
    return failure{errc::invalid_option, where_ + " is a read-only replica of " +
                                             std::string(role[1].text()) +
                                             "; telemetryd needs the master"};
  const std::string_view info = value_of((*replies)[setup + 2]).text();
  version_ = info_field(info, "redis_version");
  run_id_ = info_field(info, "run_id");
  return {};
}

result<redis_replies> redis_session::run(const redis_pipeline& commands) {
  if (result<void> connected = connect(); !connected)
    return connected.error();
  if (result<void> sent = send(commands.bytes()); !sent)
    return sent.error();
  if (result<void> taken = take_posted(); !taken)
    return taken.error();
  redis_replies replies;
  replies.reserve(commands.commands());
  for (std::size_t i = 0; i < commands.commands(); ++i) {
    result<redis_reply> reply = receive();
    if (!reply)
      return reply.error();
    replies.push_back(std::move(*reply));
  }
  return replies;
}

result<redis_reply> redis_session::ask(const redis_pipeline& command, std::string_view what) {
  assert(command.commands() == 1);
  result<redis_replies> replies = run(command);
  if (!replies)
    return replies.error();
  if (const redis_value reply = value_of(replies->front()); reply.is_error())
    return redis_failure(reply.text(), where_ + ": " + std::string(what));
  return std::move(replies->front());
}

result<redis_reply> redis_session::ask(std::initializer_list<std::string_view> arguments) {
  return ask(redis_pipeline().command(arguments), *arguments.begin());
}

result<void> redis_session::post(const redis_pipeline& commands) {
  if (result<void> connected = connect(); !connected)
    return connected;
  if (result<void> sent = send(commands.bytes()); !sent)
    return sent;
  posted_ += commands.commands();
  return std::exchange(posted_outcome_, {});
}

/// Does not use redisBufferWrite(), because it raises SIGPIPE if the server has closed the
/// connection.
result<void> redis_session::send(std::string_view bytes) {
  if (tls_) {
    const auto sent = tls_->send(bytes);
    return sent ? result<void>{} : lost(sent.error());
  }
  while (!bytes.empty()) {
    const auto sent = ::send(context_->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0) {
      context_->err = REDIS_ERR_IO;
      return lost();
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

result<redis_reply> redis_session::receive() {
  for (;;) {
    void* reply = nullptr;
    if (redisGetReplyFromReader(context_.get(), &reply) != REDIS_OK)
      return lost();
    if (reply != nullptr)
      return redis_reply(static_cast<redisReply*>(reply));
    if (auto fed = feed(); !fed)
      return fed.error();
  }
}

/// Waits for bytes and passes them to the reply parser.
result<void> redis_session::feed() {
  if (!tls_)
    return redisBufferRead(context_.get()) == REDIS_OK ? result<void>{} : lost();
  std::array<char, read_bytes> buffer;
  const auto got = tls_->receive(buffer);
  if (!got)
    return lost(got.error());
  if (redisReaderFeed(context_->reader, buffer.data(), *got) != REDIS_OK)
    return lost({errc::unavailable, "out of memory"});
  return {};
}

result<void> redis_session::take_posted() {
  for (; posted_ > 0; --posted_) {
    const auto reply = receive();
    if (!reply)
      return reply.error();
    if (const redis_value value = value_of(*reply); value.is_error() && posted_outcome_)
      posted_outcome_ = redis_failure(value.text(), where_);
  }
  return {};
}

/// Drops the connection after a failed call. @pre connected, and errno is that of the failed call.
failure redis_session::lost() {
  const int error = errno;
  assert(context_);
  std::string why = context_->errstr;
  if (context_->err == REDIS_ERR_IO && (error == EAGAIN || error == EWOULDBLOCK))
    why = "no answer in time";
  else if (context_->err == REDIS_ERR_IO)
    why = std::generic_category().message(error);
  return lost({errc::unavailable, std::move(why)});
}

failure redis_session::lost(const failure& why) {
  drop();
  return {why.code, where_ + ": connection lost: " + why.text};
}

result<void> all_done(const redis_replies& replies, std::string_view what) {
  for (const redis_reply& reply : replies) {
    if (const redis_value value = value_of(reply); value.is_error())
      return redis_failure(value.text(), what);
  }
  return {};
}

} // namespace telemetry::redis
