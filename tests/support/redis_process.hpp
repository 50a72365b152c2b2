#pragma once

#include "storage/redis/redis_session.hpp"

#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace telemetry::test {

/// Path of the unix socket of the Redis that all tests share, from TELEMETRY_TEST_REDIS. Throws if
/// that is not set, because a missing server fails the test. The text tells how to start one.
[[nodiscard]] std::string shared_redis_socket();

/// Options for the server at this unix socket, with a prefix that no other test has.
[[nodiscard]] redis_options private_redis_options(const std::string& socket);

/// Deletes all keys of `options.prefix`.
void delete_redis_keys(const redis_options& options);

/// A Redis for one test, run by tests/support/redis_server.py in `directory`. It ends with this
/// object. A later object in the same directory finds its data.
class redis_process {
public:
  /// @param settings names and values in turn, in addition to those of a journal's server.
  explicit redis_process(const std::filesystem::path& directory,
                         const std::vector<std::string>& settings = {});
  ~redis_process();
  redis_process(const redis_process&) = delete;
  redis_process& operator=(const redis_process&) = delete;

  [[nodiscard]] const std::string& socket() const noexcept { return socket_; }

private:
  pid_t script_ = -1;
  int script_input_ = -1; ///< closing it ends the script
  std::string socket_;
};

/// Another client of a server, as redis-cli; fails the test if it cannot connect.
class redis_client {
public:
  explicit redis_client(redis_options options);
  /// The reply as redis-cli shows it: bytes, numbers, elements of arrays in lines of their own,
  /// "(nil)", "(error) …".
  std::string operator()(std::initializer_list<std::string_view> arguments);

private:
  redis::redis_session session_;
};

} // namespace telemetry::test
