#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace telemetry {

struct shard_move {
  std::uint32_t shard = 0;
  std::uint64_t from = 0; ///< owner; may be no node, or a node that gets no shards
  std::uint64_t to = 0;
  friend bool operator==(const shard_move&, const shard_move&) = default;
};

/// The fewest moves after which each of N nodes owns ⌊S/N⌋ or ⌈S/N⌉ of S shards.
///
/// Every node of a cluster computes the same moves from the same view. Among equal choices a shard
/// goes to the node with the highest rendezvous hash, so that a node that comes back gets mostly
/// the shards that it had.
/// @param owners the owner of each shard.
/// @param nodes the nodes that may own shards, ascending, each once. Without any there is no move.
/// @returns the moves, by shard.
[[nodiscard]] std::vector<shard_move> plan_moves(std::span<const std::uint64_t> owners,
                                                 std::span<const std::uint64_t> nodes);

} // namespace telemetry
