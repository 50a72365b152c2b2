#include "storage/redis/redis_reply.hpp"

#include <array>
#include <charconv>
#include <hiredis/hiredis.h>
#include <string>
#include <utility>

namespace telemetry::redis {
namespace {

using known_error = std::pair<std::string_view, errc>;

constexpr std::array known_errors{
    known_error{"MISCONF", errc::no_space},         known_error{"NOAUTH", errc::invalid_option},
    known_error{"WRONGPASS", errc::invalid_option}, known_error{"NOPERM", errc::invalid_option},
    known_error{"CROSSSLOT", errc::invalid_option}, // Redis Cluster: keys on several nodes
    known_error{"MOVED", errc::invalid_option},     known_error{"WRONGTYPE", errc::corrupt},
    known_error{"OOM", errc::unavailable},          known_error{"READONLY", errc::unavailable},
    known_error{"LOADING", errc::unavailable},      known_error{"BUSY", errc::unavailable},
};

/// Whether `error` begins with the word `code`, or contains it as the error of a script. Redis
/// before 7 wraps such errors: "ERR Error running script (…): @user_script:1: -OOM command not
/// allowed".
bool carries(std::string_view error, std::string_view code) {
  if (error.starts_with(code))
    return error.size() == code.size() || error[code.size()] == ' ';
  return error.starts_with("ERR Error running script") &&
         error.find(" -" + std::string(code) + " ") != std::string_view::npos;
}

errc code_of(std::string_view error) {
  for (const auto& [code, meaning] : known_errors) {
    if (carries(error, code))
      return meaning;
  }
  if (error.starts_with("ERR unknown command"))
    return errc::invalid_option;
  // MASTERDOWN, CLUSTERDOWN, TRYAGAIN, NOREPLICAS, too many clients, and unknown errors. Trying
  // again is safe, because no key was written.
  return errc::unavailable;
}

} // namespace

bool redis_value::is_error() const noexcept {
  return reply_ != nullptr && reply_->type == REDIS_REPLY_ERROR;
}

std::string_view redis_value::text() const noexcept {
  if (reply_ == nullptr || reply_->str == nullptr)
    return {};
  return {reply_->str, reply_->len};
}

std::optional<std::uint64_t> redis_value::number() const noexcept {
  if (reply_ != nullptr && reply_->type == REDIS_REPLY_INTEGER)
    return static_cast<std::uint64_t>(reply_->integer);
  return decimal_number(text());
}

std::size_t redis_value::size() const noexcept {
  return reply_ != nullptr && reply_->type == REDIS_REPLY_ARRAY ? reply_->elements : 0;
}

redis_value redis_value::operator[](std::size_t index) const noexcept {
  return redis_value(index < size() ? reply_->element[index] : nullptr);
}

void free_redis_reply::operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }

std::optional<std::uint64_t> decimal_number(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || stop != end)
    return std::nullopt;
  return number;
}

failure redis_failure(std::string_view error, std::string_view what) {
  return {code_of(error), std::string(what) + ": Redis says: " + std::string(error)};
}

} // namespace telemetry::redis
