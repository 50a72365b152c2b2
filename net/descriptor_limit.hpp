#pragma once

#include <cstdint>

namespace telemetry::net {

/// File descriptors reserved for other uses than connections: database files, event loops, the log.
inline constexpr std::uint64_t descriptors_beside_connections = 512;

/// Number of sockets above the limit of connections that are answered with a refusal. Further
/// sockets are closed without an answer.
inline constexpr std::uint64_t refusals_max = 64;

/// Number of connections that a process with `files_max` open files may serve, so that enough files
/// remain for the journal and the store; at least a quarter of `files_max`.
/// @param files_max 0 if unknown; then the result is UINT64_MAX.
[[nodiscard]] std::uint64_t connections_within(std::uint64_t files_max) noexcept;

/// Raises this process's soft limit of open files to the hard limit. The soft limit is mostly 1024
/// for programs that call select(), which telemetryd does not.
/// @returns the number of files that may now be open; 0 if unknown.
std::uint64_t raise_descriptor_limit();

} // namespace telemetry::net
