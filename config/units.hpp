#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Numbers with a unit, as people write them in settings: `64KiB`, `500ms`, `1h`.
namespace telemetry::config {

/// What the plain number of a setting counts, or what its text is.
/// addresses: host:port, several separated by commas. secret: text that is never shown, nor taken
/// from the command line, where every user of the machine could read it.
enum class unit { count, bytes, milliseconds, text, addresses, secret, choice };

/// Reads a number; a suffix of its unit's family scales it (bytes: B KiB MiB GiB TiB; milliseconds:
/// ms s min h d; case does not matter). A bare number is in the unit itself. Neither sign nor
/// fraction. Pure.
/// @returns nothing if `text` is malformed, or too large for 64 bits.
[[nodiscard]] std::optional<std::uint64_t> read_number(std::string_view text, unit in);

/// Writes `value` with the largest suffix that divides it, so that read_number gives it back.
[[nodiscard]] std::string write_number(std::uint64_t value, unit in);

} // namespace telemetry::config
