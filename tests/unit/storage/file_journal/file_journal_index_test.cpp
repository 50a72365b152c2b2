#include "storage/file_journal/file_journal_index.hpp"

#include <gtest/gtest.h>

namespace telemetry::journal_files {
namespace {

std::vector<std::uint64_t> numbers(const journal_index& index, std::uint32_t shard,
                                   std::uint64_t after = 0) {
  std::vector<std::uint64_t> found;
  for (const journal_index::place& place : index.places(shard, after))
    found.push_back(place.batch_no);
  return found;
}

TEST(FileJournalIndexTest, KeepsTheEndOfAShardWhenItIsTrimmed) {
  journal_index index(2);
  index.add(1, {1, 1, 4096});
  index.add(1, {2, 1, 8192});
  EXPECT_TRUE(index.trim(1, 2));
  EXPECT_FALSE(index.trim(1, 1)) << "less than before";
  EXPECT_TRUE(index.is_empty());
  EXPECT_EQ(index.ends(1), (shard_ends{2, 2}));
  EXPECT_TRUE(index.trim(1, 7)) << "numbers go on above what a store elsewhere has";
  EXPECT_EQ(index.ends(1), (shard_ends{7, 7}));
  EXPECT_EQ(index.ends(0), shard_ends{});
}

TEST(FileJournalIndexTest, GivesTheLastPlaceOfANumberAndNoneBelowATrim) {
  journal_index index(1);
  for (const std::uint64_t n : {1U, 2U, 3U})
    index.add(0, {n, 1, 4096 * n});
  index.add(0, {2, 9, 12'288});
  index.trim(0, 1);
  index.add(0, {1, 9, 4096}); // of a segment that is read from its begin
  EXPECT_EQ(numbers(index, 0), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(numbers(index, 0, 2), std::vector<std::uint64_t>{3});
  EXPECT_EQ(index.places(0, 0)[0].segment, 9U);
}

TEST(FileJournalIndexTest, TellsEachTrimOnceUntilItIsDurable) {
  journal_index index(3);
  index.trim(2, 5);
  index.trim(2, 6);
  index.trim(0, 1);
  EXPECT_EQ(index.pending(), (std::vector{journal_trim{2, 6}, journal_trim{0, 1}}));
  EXPECT_EQ(index.pending_count(), 2U);
  EXPECT_EQ(index.durably_trimmed(2), 0U);
  index.persisted();
  EXPECT_TRUE(index.pending().empty());
  EXPECT_EQ(index.durably_trimmed(2), 6U);
  index.trim(2, 7);
  EXPECT_EQ(index.pending(), (std::vector{journal_trim{2, 7}}));
}

TEST(FileJournalIndexTest, TakesOverAHeadWithoutLoweringAnything) {
  journal_index index(2);
  index.add(0, {4, 1, 4096});
  index.raise(std::vector{shard_ends{3, 2}, shard_ends{9, 8}});
  EXPECT_EQ(index.ends(0), (shard_ends{4, 2}));
  EXPECT_EQ(index.ends(1), (shard_ends{9, 8}));
  EXPECT_EQ(index.durably_trimmed(1), 8U);
  EXPECT_EQ(index.pending_count(), 0U);
}

} // namespace
} // namespace telemetry::journal_files
