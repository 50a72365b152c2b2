// Stored keys order as their numbers do, and damaged values are told from whole ones.
#include "storage/rocksdb/rocksdb_format.hpp"

#include <gtest/gtest.h>
#include <string>

namespace telemetry::rocks {
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

TEST(RocksdbFormatTest, RefusesRowsOfAnotherSize) {
  const std::string other(24, 'x');
  EXPECT_FALSE(read_robot("r", other));
  EXPECT_FALSE(read_marker(0, other));
}

} // namespace
} // namespace telemetry::rocks
