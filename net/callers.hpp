#pragma once

#include "access/key_set.hpp"
#include "net/caller.hpp"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace telemetry::net {

/// Why a request has no caller, or one that may not do what it asks for. For the log.
enum class refusal {
  none,      ///< nothing was shown
  malformed, ///< what was shown is no key
  checksum,  ///< a wrong character in a key, or a part of it is missing
  unknown,   ///< no key has this id
  revoked,
  expired,
  secret, ///< another secret of a key that exists
  scope,  ///< the key is right, but its rights do not suffice
};

/// The name of a refusal in the log: "checksum".
[[nodiscard]] std::string_view name_of(refusal why) noexcept;

/// The callers whom a server knows. A new set replaces an old one as a whole.
///
/// Immutable; thread-safe.
class callers {
public:
  /// Nobody is asked for a key. Every request has the caller `everybody`.
  [[nodiscard]] static std::shared_ptr<const callers> open(caller_ptr everybody);
  /// Every request must show one of `keys`.
  [[nodiscard]] static std::shared_ptr<const callers> with_keys(access::key_set keys);

  struct identity {
    caller_ptr who{}; ///< nullptr: the request is refused, because of `why`
    refusal why = refusal::none;
    std::string_view key_id{}; ///< of a refused key that exists; views this object
  };
  /// @param authorization the value of the request's header; "" if it has none
  [[nodiscard]] identity identify(std::string_view authorization, wall_ms now) const;

  /// The caller of a connection whose client has a verified certificate, which counts for requests
  /// that show nothing else; nullptr if no key lists it. If several keys do, the first identity
  /// decides.
  /// @param identities as byte_stream::certificate() has them
  [[nodiscard]] caller_ptr identify(std::span<const std::string> identities, wall_ms now) const;

  /// The rights that `one`, whom an earlier set identified, has by this one; nullptr if they ended.
  [[nodiscard]] caller_ptr renew(const caller_ptr& one, wall_ms now) const;

  [[nodiscard]] bool asks_for_keys() const noexcept { return keys_.has_value(); }
  /// The first moment after `now` at which a right ends by itself; nullopt if there is none.
  [[nodiscard]] std::optional<wall_ms> next_end(wall_ms now) const noexcept;

private:
  callers() = default;
  [[nodiscard]] const caller_ptr& caller_of(const access::key_set::verdict& verdict) const;

  caller_ptr everybody_; ///< nullptr if keys are asked for
  std::optional<access::key_set> keys_;
  /// One for each hash of each key, in the order of the set.
  std::vector<std::array<caller_ptr, 2>> by_key_;
  std::unordered_map<std::string, caller_ptr> by_certificate_; ///< by identity
};

/// The time by which rights end, in ms since 1970.
[[nodiscard]] wall_ms wall_now() noexcept;

using callers_ptr = std::shared_ptr<const callers>;

/// The callers of a server without keys: anonymous() is the caller of every request.
[[nodiscard]] const callers_ptr& open_callers();

} // namespace telemetry::net
