#include "core/shard_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace telemetry::test {
namespace {

using incs = std::vector<std::uint64_t>;

incs after(incs owners, const std::vector<shard_move>& moves) {
  for (const shard_move& one : moves) {
    EXPECT_EQ(owners[one.shard], one.from);
    EXPECT_NE(one.from, one.to);
    owners[one.shard] = one.to;
  }
  return owners;
}

std::map<std::uint64_t, std::size_t> counts(const incs& owners) {
  std::map<std::uint64_t, std::size_t> found;
  for (const std::uint64_t one : owners)
    ++found[one];
  return found;
}

/// The fewest moves that any plan can have: each node keeps at most its quota, and the nodes that
/// own most have the larger quotas.
std::size_t fewest(const incs& owners, const incs& nodes) {
  const auto owned = counts(owners);
  std::vector<std::size_t> sizes;
  for (const std::uint64_t node : nodes)
    sizes.push_back(owned.contains(node) ? owned.at(node) : 0);
  std::sort(sizes.rbegin(), sizes.rend());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    kept += std::min(sizes[i],
                     owners.size() / nodes.size() + (i < owners.size() % nodes.size() ? 1 : 0));
  return owners.size() - kept;
}

TEST(ShardPlanTest, SharesShardsOfNobodyEvenly) {
  const incs owners(64, 0);
  const incs nodes{3, 5, 9};
  const auto shared = counts(after(owners, plan_moves(owners, nodes)));
  EXPECT_EQ(shared.size(), 3U);
  for (const auto& [node, shards] : shared)
    EXPECT_TRUE(shards == 21 || shards == 22) << node << ' ' << shards;
}

TEST(ShardPlanTest, MovesNothingThatIsEven) {
  EXPECT_TRUE(plan_moves(incs{1, 2, 1, 2, 1}, incs{1, 2}).empty());
  EXPECT_TRUE(plan_moves(incs{2, 2, 1, 2, 1}, incs{1, 2}).empty());
  EXPECT_TRUE(plan_moves(incs{7, 8}, incs{}).empty()) << "no node can take them";
}

TEST(ShardPlanTest, HasTheFewestMovesFromAnyState) {
  std::mt19937_64 random(20'261'130);
  for (int round = 0; round < 2000; ++round) {
    incs nodes;
    for (std::uint64_t inc = 1; inc <= 12; ++inc)
      if (random() % 3 == 0)
        nodes.push_back(inc);
    if (nodes.empty())
      nodes.push_back(4);
    incs owners(1 + random() % 70);
    const auto known = 1 + random() % 14;
    for (auto& one : owners)
      one = random() % known;
    const auto moves = plan_moves(owners, nodes);
    EXPECT_EQ(moves.size(), fewest(owners, nodes));
    const auto shared = counts(after(owners, moves));
    for (const auto& [node, shards] : shared) {
      EXPECT_TRUE(std::binary_search(nodes.begin(), nodes.end(), node));
      EXPECT_LE(shards, (owners.size() + nodes.size() - 1) / nodes.size());
    }
    EXPECT_TRUE(plan_moves(after(owners, moves), nodes).empty()) << "one plan is enough";
    EXPECT_EQ(moves, plan_moves(owners, nodes)) << "each node plans the same";
  }
}

TEST(ShardPlanTest, ANodeThatGoesMovesItsOwnShardsOnly) {
  incs owners(64, 0);
  owners = after(owners, plan_moves(owners, incs{1, 2, 3, 4}));
  for (const shard_move& one : plan_moves(owners, incs{1, 2, 4}))
    EXPECT_EQ(one.from, 3U);
}

} // namespace
} // namespace telemetry::test
