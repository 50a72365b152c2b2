#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace telemetry::access {

/// What `telemetryd keys --help` prints.
[[nodiscard]] std::string_view keys_help() noexcept;

/// Runs `telemetryd keys ARGUMENTS` on the file `path`, which `--file` overrides. A new key is
/// printed to `out` alone, once; advice and faults go to `advice`.
/// @param now for expiries, which keys_file.hpp stores as times
/// @returns the exit code: 0, 1 (refused), 2 (wrong usage).
[[nodiscard]] int run_keys_command(const std::vector<std::string>& arguments, std::string path,
                                   long long now_ms, std::ostream& out, std::ostream& advice);

} // namespace telemetry::access
