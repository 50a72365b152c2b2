#pragma once

#include <cstdint>

namespace telemetry::net {

/// Descriptors that a server needs beside its connections: database files, event loops, the log.
inline constexpr std::uint64_t descriptors_beside_connections = 512;

/// Raises this process's soft limit of open files to the hard one: the soft limit is 1024 almost
/// everywhere, for the sake of select(), which nothing here uses.
/// @returns how many files may be open from now on.
std::uint64_t raise_descriptor_limit();

} // namespace telemetry::net
