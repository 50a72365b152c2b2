#pragma once

#include "config/options.hpp"
#include "config/units.hpp"

#include <optional>
#include <span>
#include <variant>

namespace telemetry::config {

/// Pointer to the value of a setting in an options object.
using slot =
    std::variant<std::string*, std::uint16_t*, std::uint32_t*, std::uint64_t*,
                 std::chrono::milliseconds*, telemetry::log::level*, telemetry::log::format*,
                 store_engine*, journal_engine*, toggle*, client_certificates*>;

/// One row of the table of settings. All texts about a setting are made from it.
struct setting {
  std::string_view key; ///< "group.name"
  unit in;
  slot (*place)(options&);
  std::uint64_t least;      ///< smallest value, in `in`; for texts the length in bytes
  std::uint64_t most;       ///< largest value, like `least`
  std::string_view choices; ///< for unit::choice: names in the order of the enum, separated by |
  std::string_view meaning; ///< for --help and the example file
};

/// The table, in the order of --help: settings of one group stand together.
[[nodiscard]] std::span<const setting> all_settings();
/// @returns nullptr if there is no such key.
[[nodiscard]] const setting* find_setting(std::string_view key);
/// The key that is most similar to a mistyped key, or "" if none is similar.
[[nodiscard]] std::string_view nearest_key(std::string_view mistyped);

/// "TELEMETRY_NET_PORT" for net.port.
[[nodiscard]] std::string environment_name(const setting& what);
/// Whether values are text, rather than numbers or names.
[[nodiscard]] bool is_text(unit in) noexcept;
/// "0 to 65535", "1ms to 1h", "debug|info|warn|error".
[[nodiscard]] std::string legal_range(const setting& what);
/// The value as a configuration file would hold it; "none" for an empty text.
[[nodiscard]] std::string value_text(const setting& what, const options& from);
/// Stores the value of `text` in `into`, if it is well-formed and within bounds.
/// @returns an error text, or nullopt on success.
[[nodiscard]] std::optional<std::string> assign(const setting& what, std::string_view text,
                                                options& into);

} // namespace telemetry::config
