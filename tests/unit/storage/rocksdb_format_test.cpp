// Stored keys order as their numbers do, and damaged values are told from whole ones.
#include "storage/rocksdb_format.hpp"

#include <gtest/gtest.h>
#include <string>

namespace telemetry::detail {
namespace {

TEST(RocksdbFormatTest, OrdersEventKeysByRobotThenTime) {
  const auto key = [](robot_id robot, timestamp_ms at) {
    return std::string(make_event_key(robot, at).view());
  };
  EXPECT_LT(key(1, timestamp_max), key(2, 0));
  EXPECT_LT(key(1, 255), key(1, 256));
  EXPECT_LT(key(255, 9), key(256, 0));
}

TEST(RocksdbFormatTest, RefusesRowsOfAnotherSize) {
  const std::string event(make_event_value({1, {2, 3}, 4}).view());
  const std::string key(make_event_key(1, 1).view());
  EXPECT_EQ(read_event(key, event), (event_row{1, {2, 3}, 4}));
  EXPECT_FALSE(read_event(key, event.substr(1)));
  EXPECT_FALSE(read_robot("r", event));
  EXPECT_FALSE(read_marker(0, event));
}

} // namespace
} // namespace telemetry::detail
