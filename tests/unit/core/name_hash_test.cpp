#include "core/name_hash.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace telemetry {
namespace {

// Rule 8: stored data lies in the shard that these numbers name. Never change them. They were
// computed with Debian's libxxhash 0.8.1, one for each length class of the algorithm.
TEST(NameHashTest, ValuesArePinnedBecauseStoredDataDependsOnThem) {
  EXPECT_EQ(name_hash(""), 0x2d06800538d394c2u);
  EXPECT_EQ(name_hash("a"), 0xe6c632b61e964e1fu);
  EXPECT_EQ(name_hash("robot"), 0xc9f0e685fd64f6c0u);
  EXPECT_EQ(name_hash("robot-0042"), 0xfb785945c904502cu);
  EXPECT_EQ(name_hash(std::string(100, 'x')), 0xc90984ffdf50ce42u);
  EXPECT_EQ(name_hash(std::string(200, 'x')), 0x50ef124fb1e4de53u);
  EXPECT_EQ(name_hash(std::string(600, 'x')), 0x50d6ce9d7b01c4c5u);
}

TEST(NameHashTest, ShardsArePinnedBecauseStoredDataDependsOnThem) {
  std::string shards;
  for (int i = 0; i < 16; ++i) {
    shards += std::to_string(shard_of(name_hash("robot-" + std::to_string(i)), 8));
  }
  EXPECT_EQ(shards, "3231721311161450");
}

TEST(ShardOfTest, SpreadsRealisticNamesEvenly) {
  for (const std::uint32_t shards : {1u, 7u, 8u, 64u}) {
    std::vector<int> counts(shards, 0);
    constexpr int names = 64000;
    for (int i = 0; i < names; ++i) {
      const std::uint32_t shard = shard_of(name_hash("robot-" + std::to_string(i)), shards);
      ASSERT_LT(shard, shards);
      ++counts[shard];
    }
    for (const int count : counts) { // six standard deviations of a fair hash at 64 shards: 20 %
      EXPECT_NEAR(count, names / static_cast<int>(shards), 0.2 * names / shards) << shards;
    }
  }
}

TEST(ShardOfTest, UsesTheUpperHalfOfTheHash) {
  EXPECT_EQ(shard_of(0x00000000FFFFFFFFu, 8), 0u);
  EXPECT_EQ(shard_of(0xFFFFFFFF00000000u, 8), 7u);
  EXPECT_EQ(shard_of(0x8000000000000000u, 8), 4u);
}

} // namespace
} // namespace telemetry
