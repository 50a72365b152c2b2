#pragma once

#include <cstdint>
#include <initializer_list>

namespace telemetry::access {

/// The right that a request needs.
enum class scope : std::uint8_t {
  none,   ///< everybody may ask
  read,   ///< robots, events, odometers
  ingest, ///< hand events in
  admin,  ///< remove stored events, operate the server
};

/// The rights of a caller. `scope::none` is always among them, and `scope::admin` includes all.
class rights {
public:
  constexpr rights(std::initializer_list<scope> scopes) noexcept {
    for (const scope one : scopes)
      add(one);
  }

  constexpr void add(scope one) noexcept { bits_ |= bit(one); }
  [[nodiscard]] constexpr bool include(scope one) const noexcept {
    return (bits_ & (bit(one) | bit(scope::admin))) != 0;
  }
  /// Whether `one` itself was added, and not only scope::admin.
  [[nodiscard]] constexpr bool list(scope one) const noexcept { return (bits_ & bit(one)) != 0; }
  /// Whether each of `others` is among these.
  [[nodiscard]] constexpr bool include(rights others) const noexcept {
    return include(scope::admin) || (others.bits_ & ~bits_) == 0;
  }

  friend constexpr bool operator==(rights, rights) = default;

private:
  static constexpr unsigned bit(scope one) noexcept { return 1u << static_cast<unsigned>(one); }

  unsigned bits_ = bit(scope::none);
};

} // namespace telemetry::access
