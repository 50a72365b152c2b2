#pragma once

#include <cstdint>
#include <string_view>

namespace telemetry {

/// Hash of a robot name: XXH3-64. It must never change, because it decides the shard of stored
/// data (rule 8, ADR 0001).
[[nodiscard]] std::uint64_t name_hash(std::string_view name) noexcept;

/// The shard that owns a name with this hash, 0 to `shards` - 1. Uses the upper 32 bits of the
/// hash, because hash tables use the lower ones.
[[nodiscard]] constexpr std::uint32_t shard_of(std::uint64_t hash, std::uint32_t shards) noexcept {
  return static_cast<std::uint32_t>(((hash >> 32) * shards) >> 32);
}

} // namespace telemetry
