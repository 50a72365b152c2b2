#include "storage/journal_loss.hpp"

#include <array>
#include <gtest/gtest.h>

namespace telemetry {
namespace {

/// Shard 3 with its entries from `first` to `last`, all of them.
shard_survey holding(std::uint64_t first, std::uint64_t last, std::uint64_t head) {
  return {3, head, first, last, first == 0 ? 0 : last - first + 1};
}

std::string text_of(const shard_survey& shard, std::uint64_t cut,
                    std::span<const number_range> gaps = {}) {
  const auto loss = judge_shard(shard, cut, gaps);
  return loss ? loss->text : "";
}

TEST(RedisLossTest, FindsWholeWhatGoesOnFromTheStore) {
  EXPECT_TRUE(is_whole(holding(0, 0, 0), 0)); // new
  EXPECT_TRUE(is_whole(holding(0, 0, 9), 9)); // all is in the store and trimmed
  EXPECT_TRUE(is_whole(holding(5, 9, 9), 4));
  EXPECT_TRUE(is_whole(holding(2, 9, 9), 4)); // not trimmed yet
  EXPECT_TRUE(is_whole(holding(9, 9, 9), 9));
}

TEST(RedisLossTest, DoubtsWhatDoesNot) {
  EXPECT_FALSE(is_whole(holding(0, 0, 9), 8));  // the stream is gone
  EXPECT_FALSE(is_whole(holding(6, 9, 9), 4));  // 5 is missing
  EXPECT_FALSE(is_whole(holding(5, 8, 9), 4));  // 9 is missing
  EXPECT_FALSE(is_whole(holding(5, 9, 9), 10)); // older than the store
  EXPECT_FALSE(is_whole(holding(5, 9, 8), 4));  // the head is older than the stream
  shard_survey holed = holding(5, 9, 9);
  --holed.entries;
  EXPECT_FALSE(is_whole(holed, 4));
  shard_survey headless = holding(5, 9, 9);
  headless.head.reset();
  EXPECT_FALSE(is_whole(headless, 4));
}

TEST(RedisLossTest, SaysExactlyWhatIsMissing) {
  constexpr std::array gaps{number_range{5, 5}, number_range{7, 8}};
  EXPECT_EQ(text_of(holding(2, 9, 9), 4, gaps),
            "shard 3: batch 5 is missing, batches 7 to 8 are missing");
  EXPECT_EQ(text_of(holding(2, 4, 4), 9),
            "shard 3: it ends at batch 4, but the store has everything up to batch 9");
  EXPECT_EQ(text_of(holding(2, 9, 5), 4),
            "shard 3: it goes on to batch 9 behind its end at batch 5");
  EXPECT_EQ(text_of(holding(2, 9, 9), 4), "");
}

TEST(RedisLossTest, GoesOnAboveEverythingThatWasEverNumbered) {
  EXPECT_EQ(judge_shard(holding(2, 4, 4), 9, {})->go_on_above, 9U);
  EXPECT_EQ(judge_shard(holding(2, 9, 5), 4, {})->go_on_above, 9U);
  constexpr std::array gaps{number_range{5, 12}};
  EXPECT_EQ(judge_shard(holding(0, 0, 12), 4, gaps)->go_on_above, 12U);
}

TEST(RedisLossTest, ListsTheFirstOfManyButNamesThemAll) {
  std::vector<shard_loss> losses;
  for (std::uint32_t shard = 0; shard < 10; ++shard)
    losses.push_back({shard, "shard " + std::to_string(shard) + ": gone", 1});
  const std::string text = describe_losses(losses);
  EXPECT_EQ(text.find("shard 0: gone; shard 1: gone"), 0U);
  EXPECT_NE(text.find("shard 7: gone; and 2 more shards"), std::string::npos);
  const std::string code = loss_code(losses);
  EXPECT_EQ(code.size(), 16U);
  losses.back().text += " for ever";
  EXPECT_NE(loss_code(losses), code);
  EXPECT_EQ(describe_losses(losses), text);
}

} // namespace
} // namespace telemetry
