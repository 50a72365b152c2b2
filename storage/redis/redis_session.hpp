#pragma once

#include "core/result.hpp"
#include "storage/redis/redis_pipeline.hpp"
#include "storage/redis/redis_reply.hpp"
#include "storage/storage_options.hpp"

#include <functional>
#include <memory>
#include <string>

struct redisContext; // hiredis

namespace telemetry::redis {

class redis_tls;

/// One blocking connection to the writable one of several Redis servers.
///
/// After any error of the connection it is dropped; the next call connects again, beginning with
/// the server that worked last. What had been sent on a connection that broke may or may not have
/// happened.
///
/// Thread-safety: none. Blocking: connecting waits at most connect_timeout per server, every other
/// call at most read_timeout for each piece of an answer.
class redis_session {
public:
  /// Looks at a new connection before it is used, through run() and ask(); an error drops it.
  using welcome = std::function<result<void>(redis_session&)>;

  explicit redis_session(redis_options options, welcome greeting = {});
  ~redis_session();
  redis_session(const redis_session&) = delete;
  redis_session& operator=(const redis_session&) = delete;

  /// Connects unless connected: AUTH, SELECT, and the server must be a master that has loaded.
  /// @returns errc::invalid_option if every server answered and none will do, as things are set
  ///          up (password, database, read-only replica, what the welcome refuses); otherwise
  ///          errc::unreachable; after the first success errc::unavailable for both. The text
  ///          has each server's reason.
  [[nodiscard]] result<void> connect();

  /// Sends `commands` and waits for the reply to each, in order; a reply may be an error.
  /// @returns errc::unavailable (lost or no answer in time: the outcome is unknown), as connect().
  [[nodiscard]] result<redis_replies> run(const redis_pipeline& commands);

  /// Sends one command. @returns as run(), and redis_failure() of an error reply.
  [[nodiscard]] result<redis_reply> ask(const redis_pipeline& command, std::string_view what);
  [[nodiscard]] result<redis_reply> ask(std::initializer_list<std::string_view> arguments);

  /// Sends `commands` without waiting; the next call takes their replies. For what may be lost.
  /// @returns as run(), or the first error reply to an earlier post().
  [[nodiscard]] result<void> post(const redis_pipeline& commands);

  /// Closes the connection.
  void drop() noexcept;

  /// The server, e.g. "redis at 127.0.0.1:6379".
  [[nodiscard]] const std::string& where() const noexcept { return where_; }
  /// Version and run id of the server of this connection; empty if it does not tell. A run id is
  /// new after every restart.
  [[nodiscard]] const std::string& version() const noexcept { return version_; }
  [[nodiscard]] const std::string& run_id() const noexcept { return run_id_; }

private:
  struct free_context {
    void operator()(redisContext* context) const noexcept;
  };
  [[nodiscard]] result<void> connect_to(std::size_t server);
  [[nodiscard]] result<void> dial(std::size_t server);
  [[nodiscard]] result<void> greet();
  [[nodiscard]] result<void> start_tls(std::size_t server);
  [[nodiscard]] bool speaks_plain_text(std::size_t server);
  [[nodiscard]] result<void> send(std::string_view bytes);
  [[nodiscard]] result<redis_reply> receive();
  [[nodiscard]] result<void> feed();
  [[nodiscard]] result<void> take_posted();
  [[nodiscard]] failure lost();
  [[nodiscard]] failure lost(const failure& why);

  redis_options options_;
  welcome welcome_;
  std::unique_ptr<redisContext, free_context> context_; ///< owns the socket
  std::unique_ptr<redis_tls> tls_;                      ///< nullptr: plain text
  std::size_t server_ = 0; ///< index into options_.hosts of the one that worked last
  bool was_connected_ = false;
  std::size_t posted_ = 0; ///< replies still to be taken
  result<void> posted_outcome_;
  std::string where_ = "redis";
  std::string version_;
  std::string run_id_;
};

/// The first error among `replies` to `what`.
[[nodiscard]] result<void> all_done(const redis_replies& replies, std::string_view what);

} // namespace telemetry::redis
