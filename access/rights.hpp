#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace telemetry::access {

/// The right that a request needs.
enum class scope : std::uint8_t {
  none,   ///< everybody may ask
  read,   ///< robots, events, odometers
  ingest, ///< hand events in
  admin,  ///< remove stored events, operate the server
};

struct named_scope {
  std::string_view name; ///< in keys files, commands and challenges
  scope value;
};

/// The scopes that a key can have, in the order in which they are written.
inline constexpr std::array<named_scope, 3> named_scopes{
    {{"ingest", scope::ingest}, {"read", scope::read}, {"admin", scope::admin}}};

/// @returns nullopt if no scope has this name
[[nodiscard]] constexpr std::optional<scope> scope_named(std::string_view name) noexcept {
  for (const auto& one : named_scopes)
    if (one.name == name)
      return one.value;
  return std::nullopt;
}

/// "" for scope::none, which no key states.
[[nodiscard]] constexpr std::string_view name_of(scope right) noexcept {
  for (const auto& one : named_scopes)
    if (one.value == right)
      return one.name;
  return "";
}

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
