#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Numbers with a unit, as people write them in settings: `64KiB`, `500ms`, `1h`.
namespace telemetry::config {

/// The unit of a setting's number, or the kind of its text.
/// octal: permissions of a file, as chmod takes them. addresses: host:port, several separated by
/// commas. secret: text that is never shown, and refused on the command line, because every user of
/// the machine can read that.
enum class unit { count, bytes, milliseconds, octal, text, addresses, secret, choice };

/// Reads a number, with an optional suffix that scales it (bytes: B KiB MiB GiB TiB; milliseconds:
/// ms s min h d; in any case). A number without a suffix is in the unit itself. Signs and fractions
/// are refused. Digits of unit::octal have base 8. Pure.
/// @returns nullopt if `text` is malformed, or the number too large for 64 bits.
[[nodiscard]] std::optional<std::uint64_t> read_number(std::string_view text, unit in);

/// Writes `value` with the largest suffix that divides it, and unit::octal with at least four
/// digits. read_number gives it back.
[[nodiscard]] std::string write_number(std::uint64_t value, unit in);

} // namespace telemetry::config
