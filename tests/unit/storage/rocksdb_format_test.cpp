// Stored keys order as their numbers do, and damaged values are told from whole ones.
#include "storage/rocksdb_format.hpp"

#include <gtest/gtest.h>
#include <string>

namespace telemetry::detail {
namespace {

TEST(RocksdbFormatTest, OrdersBlocksByRobotThenLastTimestampThenTheLargest) {
  const auto key = [](robot_id robot, timestamp_ms last, std::size_t count) {
    return std::string(make_event_key({robot, last, count}).view());
  };
  EXPECT_LT(key(1, timestamp_max, 1), key(2, 0, 256));
  EXPECT_LT(key(1, 255, 1), key(1, 256, 256));
  EXPECT_LT(key(255, 9, 1), key(256, 0, 1));
  EXPECT_LT(key(1, 9, 2), key(1, 9, 1));
  EXPECT_LE(make_seek_key(1, 9).view(), key(1, 9, 256));
  EXPECT_GT(make_seek_key(1, 9).view(), key(1, 8, 1));
}

TEST(RocksdbFormatTest, ReadsBackTheKeyOfABlock) {
  for (const std::size_t count : {1U, 2U, 128U, 256U})
    for (const timestamp_ms last : {timestamp_ms{0}, timestamp_ms{256}, timestamp_max}) {
      const event_key bytes = make_event_key({~robot_id{0}, last, count});
      const auto key = read_event_key(bytes.view());
      ASSERT_TRUE(key);
      EXPECT_EQ(key->robot, ~robot_id{0});
      EXPECT_EQ(key->last, last);
      EXPECT_EQ(key->count, count);
      EXPECT_FALSE(read_event_key(bytes.view().substr(1)));
    }
}

TEST(RocksdbFormatTest, OrdersJournalKeysByShardThenNumber) {
  const auto key = [](std::uint32_t shard, std::uint64_t batch_no) {
    return std::string(make_journal_key(shard, batch_no).view());
  };
  EXPECT_LT(key(0, ~0ULL), key(1, 0));
  EXPECT_LT(key(0, 0xFFFFFFFF), key(0, 0x100000000));
  EXPECT_LT(key(255, 0), key(256, 0));
}

TEST(RocksdbFormatTest, ReadsBackAJournalEntryAndRefusesADamagedOne) {
  journal_batch batch{3, 4, {5, -6, -7, 8}, record_kind::events, {}};
  const std::string key(make_journal_key(3, 5).view());
  const std::string header(make_journal_header(batch).view());
  const auto read = read_journal_entry(key, header);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->shard, 3U);
  EXPECT_EQ(read->epoch, 4U);
  EXPECT_EQ(read->stamp.batch_no, 5U);
  EXPECT_EQ(read->stamp.arrival_ms, -6);
  EXPECT_EQ(read->stamp.horizon_ms, -7);
  EXPECT_EQ(read->stamp.wall, 8);
  EXPECT_FALSE(read_journal_entry(key, header.substr(1)));
  EXPECT_FALSE(read_journal_entry(key.substr(1), header));
  std::string newer = header;
  newer[0] = 2;
  EXPECT_FALSE(read_journal_entry(key, newer));
  std::string other_kind = header;
  other_kind[1] = 9;
  EXPECT_FALSE(read_journal_entry(key, other_kind));
}

TEST(RocksdbFormatTest, RefusesRowsOfAnotherSize) {
  const std::string other(24, 'x');
  EXPECT_FALSE(read_robot("r", other));
  EXPECT_FALSE(read_marker(0, other));
}

} // namespace
} // namespace telemetry::detail
