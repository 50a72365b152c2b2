#pragma once

#include <cstdint>

namespace telemetry::net {

/// Descriptors that a server needs beside its connections: database files, event loops, the log.
inline constexpr std::uint64_t descriptors_beside_connections = 512;

/// Sockets beyond the limit of connections that are kept until they have heard that they are too
/// many; further ones are closed without a word.
inline constexpr std::uint64_t refusals_max = 64;

/// How many connections a process may serve that may have `files_max` files open, so that the
/// journal and the store always get theirs. Of few files a quarter. @param files_max 0: unknown.
[[nodiscard]] std::uint64_t connections_within(std::uint64_t files_max) noexcept;

/// Raises this process's soft limit of open files to the hard one: the soft limit is 1024 almost
/// everywhere, for the sake of select(), which nothing here uses.
/// @returns how many files may be open from now on.
std::uint64_t raise_descriptor_limit();

} // namespace telemetry::net
