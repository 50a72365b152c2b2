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

/// One blocking connection to the writable server among several Redis servers.
///
/// After any error of the connection it is dropped. The next call connects again, starting with the
/// server that worked last. Commands that were sent on a lost connection may or may not have run.
///
/// Thread-safety: none. Blocking: connecting waits at most connect_timeout per server. Every other
/// call waits at most read_timeout for each part of an answer.
class redis_session {
public:
  /// Checks a new connection before it is used, by run() and ask(). An error drops the connection.
  using welcome = std::function<result<void>(redis_session&)>;

  explicit redis_session(redis_options options, welcome greeting = {});
  ~redis_session();
  redis_session(const redis_session&) = delete;
  redis_session& operator=(const redis_session&) = delete;

  /// Connects, unless connected: sends AUTH and SELECT, and checks that the server is a master that
  /// has loaded its data.
  /// @returns errc::invalid_option if every server answered, but none is usable as configured
  ///          (password, database, read-only replica, refused by the welcome); otherwise
  ///          errc::unreachable. After the first success it is errc::unavailable in both cases. The
  ///          text has the reason of each server.
  [[nodiscard]] result<void> connect();

  /// Sends `commands` and waits for all replies, in order. A reply may be an error.
  /// @returns errc::unavailable (connection lost, or no answer in time: the outcome is unknown), or
  ///          the errors of connect().
  [[nodiscard]] result<redis_replies> run(const redis_pipeline& commands);

  /// Sends one command and waits for its reply.
  /// @returns the errors of run(), and redis_failure() for an error reply.
  [[nodiscard]] result<redis_reply> ask(const redis_pipeline& command, std::string_view what);
  [[nodiscard]] result<redis_reply> ask(std::initializer_list<std::string_view> arguments);

  /// Sends `commands` without waiting for replies. Use it only for commands that may be lost. The
  /// next run() takes their replies.
  /// @returns the errors of run(), or the first error reply to an earlier post().
  [[nodiscard]] result<void> post(const redis_pipeline& commands);

  /// Closes the connection.
  void drop() noexcept;

  /// The server, e.g. "redis at 127.0.0.1:6379".
  [[nodiscard]] const std::string& where() const noexcept { return where_; }
  /// Version and run id of the connected server; empty if INFO does not have them. A server has a
  /// new run id after every restart.
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
  std::unique_ptr<redis_tls> tls_;                      ///< nullptr without TLS
  std::size_t server_ = 0; ///< index into options_.hosts of the server that worked last
  bool was_connected_ = false;
  std::size_t posted_ = 0;      ///< replies to post() that are not taken yet
  result<void> posted_outcome_; ///< first error among the taken replies to post()
  std::string where_ = "redis";
  std::string version_;
  std::string run_id_;
};

/// @returns redis_failure() for the first error among `replies` to the command `what`, if any.
[[nodiscard]] result<void> all_done(const redis_replies& replies, std::string_view what);

} // namespace telemetry::redis
