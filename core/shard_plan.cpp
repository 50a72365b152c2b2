#include "core/shard_plan.hpp"

#include "core/name_hash.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace telemetry {
namespace {

/// Weight of a node for a shard. Independent of all other nodes, so that a change of one node moves
/// no shard between two others.
std::uint64_t rendezvous_hash(std::uint32_t shard, std::uint64_t node) {
  char bytes[sizeof node + sizeof shard];
  std::memcpy(bytes, &node, sizeof node);
  std::memcpy(bytes + sizeof node, &shard, sizeof shard);
  return name_hash(std::string_view(bytes, sizeof bytes));
}

/// A node, the shards that it owns and how many it is to own.
struct share {
  std::uint64_t node;
  std::vector<std::uint32_t> shards;
  std::size_t quota = 0;

  [[nodiscard]] bool is_full() const { return shards.size() >= quota; }
};

/// The nodes that own most get the larger quotas, because that saves moves.
void give_quotas(std::vector<share>& shares, std::size_t shards) {
  std::vector<share*> by_size;
  for (share& one : shares)
    by_size.push_back(&one);
  std::sort(by_size.begin(), by_size.end(), [](const share* left, const share* right) {
    if (left->shards.size() != right->shards.size())
      return left->shards.size() > right->shards.size();
    return left->node < right->node;
  });
  const std::size_t least = shards / shares.size();
  for (std::size_t i = 0; i < by_size.size(); ++i)
    by_size[i]->quota = least + (i < shards % shares.size() ? 1 : 0);
}

/// Takes the shards beyond its quota from `one`: those for which it has the lowest weights.
void cut_back(share& one, std::vector<std::uint32_t>& free) {
  if (one.shards.size() <= one.quota)
    return;
  std::sort(one.shards.begin(), one.shards.end(), [&](std::uint32_t left, std::uint32_t right) {
    return std::pair(rendezvous_hash(left, one.node), left) >
           std::pair(rendezvous_hash(right, one.node), right);
  });
  for (; one.shards.size() > one.quota; one.shards.pop_back())
    free.push_back(one.shards.back());
}

} // namespace

std::vector<shard_move> plan_moves(std::span<const std::uint64_t> owners,
                                   std::span<const std::uint64_t> nodes) {
  if (nodes.empty())
    return {};
  std::vector<share> shares;
  for (const std::uint64_t node : nodes)
    shares.push_back({node, {}, 0});
  std::vector<std::uint32_t> free;
  for (std::uint32_t shard = 0; shard < owners.size(); ++shard) {
    const auto at = std::lower_bound(nodes.begin(), nodes.end(), owners[shard]);
    if (at != nodes.end() && *at == owners[shard])
      shares[static_cast<std::size_t>(at - nodes.begin())].shards.push_back(shard);
    else
      free.push_back(shard);
  }
  give_quotas(shares, owners.size());
  for (share& one : shares)
    cut_back(one, free);
  std::sort(free.begin(), free.end());
  std::vector<shard_move> moves;
  for (const std::uint32_t shard : free) {
    share* best = nullptr;
    for (share& one : shares)
      if (!one.is_full() && (best == nullptr ||
                             rendezvous_hash(shard, one.node) > rendezvous_hash(shard, best->node)))
        best = &one;
    best->shards.push_back(shard);
    moves.push_back({shard, owners[shard], best->node});
  }
  return moves;
}

} // namespace telemetry
