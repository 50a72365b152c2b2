#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

struct redisReply; // hiredis

namespace telemetry::redis {

/// A reply of Redis, or an element of one: a view into a redis_reply. What is asked for as another
/// type than it has is empty.
class redis_value {
public:
  explicit redis_value(const redisReply* reply) noexcept : reply_(reply) {}

  [[nodiscard]] bool is_error() const noexcept;
  /// Bytes of a string, a status or an error.
  [[nodiscard]] std::string_view text() const noexcept;
  /// An integer, or a string that is nothing but one.
  [[nodiscard]] std::optional<std::uint64_t> number() const noexcept;
  /// Elements of an array.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Element `index`; an empty value beyond the end.
  [[nodiscard]] redis_value operator[](std::size_t index) const noexcept;

private:
  const redisReply* reply_; ///< nullptr: an empty value
};

struct free_redis_reply {
  void operator()(redisReply* reply) const noexcept;
};

/// Owns one reply.
using redis_reply = std::unique_ptr<redisReply, free_redis_reply>;
using redis_replies = std::vector<redis_reply>;

[[nodiscard]] inline redis_value value_of(const redis_reply& reply) noexcept {
  return redis_value(reply.get());
}

/// An unsigned decimal number that fills `text`.
[[nodiscard]] std::optional<std::uint64_t> decimal_number(std::string_view text) noexcept;

/// What the error reply `error` to the command `what` means:
/// no_space (MISCONF: Redis cannot write to its disk), invalid_option (the user or the server does
/// not allow it), corrupt (a key holds something else), unavailable (anything that may pass).
[[nodiscard]] failure redis_failure(std::string_view error, std::string_view what);

} // namespace telemetry::redis
