#pragma once

#include <compare>
#include <cstdint>

namespace telemetry {

/// The time of one owner with one shard (docs/RULES.md, rule 32). A later tenure of the same shard
/// has a greater epoch. On a single node a tenure lasts as long as the process.
struct tenure {
  std::uint32_t shard = 0;
  std::uint64_t epoch = 0;
  friend auto operator<=>(const tenure&, const tenure&) = default;
};

} // namespace telemetry
