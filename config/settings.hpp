#pragma once

#include "config/options.hpp"
#include "config/units.hpp"

#include <optional>
#include <span>
#include <variant>

namespace telemetry::config {

/// Where in an options object the value of a setting lives.
using slot = std::variant<std::string*, std::uint16_t*, std::uint32_t*, std::uint64_t*,
                          std::chrono::milliseconds*, telemetry::log::level*,
                          telemetry::log::format*, store_engine*, journal_engine*, toggle*>;

/// One row of the table of settings. Everything said about a setting anywhere comes from here.
struct setting {
  std::string_view key; ///< "group.name"
  unit in;
  slot (*place)(options&);
  std::uint64_t least;      ///< in `in`; for what is text the number of bytes
  std::uint64_t most;       ///< inclusive
  std::string_view choices; ///< of a choice: the names in the order of the enum, separated by |
  std::string_view meaning; ///< for --help and the example file
};

/// The table, in the order of --help: settings of one group stand together.
[[nodiscard]] std::span<const setting> all_settings();
/// @returns nullptr if there is no such key.
[[nodiscard]] const setting* find_setting(std::string_view key);
/// The key most like a mistyped one, or "" if none is near.
[[nodiscard]] std::string_view nearest_key(std::string_view mistyped);

/// "TELEMETRY_NET_PORT" for net.port.
[[nodiscard]] std::string environment_name(const setting& what);
/// What its value is written as: a number, a name, or just text.
[[nodiscard]] bool is_text(unit in) noexcept;
/// "0 to 65535", "1ms to 1h", "debug|info|warn|error".
[[nodiscard]] std::string legal_range(const setting& what);
/// The value as it would be written in a configuration file; a text that is empty: "none".
[[nodiscard]] std::string value_text(const setting& what, const options& from);
/// Reads `text` into its place in `into`, if it is well-formed and within bounds.
/// @returns what is wrong with it, or nothing.
[[nodiscard]] std::optional<std::string> assign(const setting& what, std::string_view text,
                                                options& into);

} // namespace telemetry::config
