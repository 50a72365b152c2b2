#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

struct redisReply; // hiredis

namespace telemetry::redis {

/// A view of a reply of Redis, or of an element of a reply. The redis_reply must outlive it. A
/// function for another type than the reply has returns an empty value.
class redis_value {
public:
  explicit redis_value(const redisReply* reply) noexcept : reply_(reply) {}

  [[nodiscard]] bool is_error() const noexcept;
  /// Bytes of a string, a status or an error.
  [[nodiscard]] std::string_view text() const noexcept;
  /// The value of an integer, or of a string that is an unsigned decimal number.
  [[nodiscard]] std::optional<std::uint64_t> number() const noexcept;
  /// Number of elements of an array.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Element `index` of an array, or an empty value beyond the end.
  [[nodiscard]] redis_value operator[](std::size_t index) const noexcept;

private:
  const redisReply* reply_; ///< nullptr for an empty value
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

/// Reads an unsigned decimal number. @returns nullopt unless it is all of `text`.
[[nodiscard]] std::optional<std::uint64_t> decimal_number(std::string_view text) noexcept;

/// The failure for the error reply `error` to the command `what`: errc::no_space (MISCONF: Redis
/// cannot write to its disk), errc::invalid_option (password, rights, or a server that does not
/// support the command), errc::corrupt (a key has another type), errc::unavailable (all other
/// errors, which may pass).
[[nodiscard]] failure redis_failure(std::string_view error, std::string_view what);

} // namespace telemetry::redis
