#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

namespace telemetry::net {

/// The right that a request needs. The routes name one each, but it is not enforced yet
/// (route.hpp).
enum class scope : std::uint8_t {
  none,   ///< everybody may ask
  read,   ///< robots, events, odometers
  ingest, ///< hand events in
  admin,  ///< remove stored events, operate the server; no route needs it yet
};

/// The rights of a caller. `scope::none` is always among them.
class rights {
public:
  constexpr rights(std::initializer_list<scope> scopes) noexcept {
    for (const scope one : scopes)
      bits_ |= bit(one);
  }

  [[nodiscard]] constexpr bool include(scope one) const noexcept { return (bits_ & bit(one)) != 0; }

private:
  static constexpr unsigned bit(scope one) noexcept { return 1u << static_cast<unsigned>(one); }

  unsigned bits_ = bit(scope::none);
};

/// On whose behalf a session asks the engine.
struct caller {
  std::string name; ///< for logs
  rights may;
};

/// Shared, because a request may outlive the session that it came from.
using caller_ptr = std::shared_ptr<const caller>;

/// The caller of every session of a server without keys: it has all rights.
[[nodiscard]] const caller_ptr& anonymous();

} // namespace telemetry::net
