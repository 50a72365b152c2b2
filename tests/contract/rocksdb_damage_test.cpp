// Damage of single rows in RocksDB concerns their robots alone, until the rows are removed.
#include "storage/rocksdb/rocksdb_database.hpp"
#include "storage/rocksdb/rocksdb_event_store.hpp"
#include "storage/rocksdb/rocksdb_format.hpp"
#include "tests/contract/checkpoints.hpp"
#include "tests/contract/engines.hpp"

#include <array>

namespace telemetry::test {
namespace {

using namespace rocks;

/// Robots a, b and c with ids 1, 2 and 3; each has one block, of 10 and 20.
class rocksdb_damage_test : public testing::Test {
protected:
  temporary_directory directory_;
  std::shared_ptr<rocksdb_database> database_;
  std::unique_ptr<rocksdb_event_store> store_;

  void SetUp() override {
    storage_options options;
    options.data_dir = directory_.path() / "data";
    options.shards = 1;
    options.min_free_bytes = 0;
    options.cache_bytes = 8u << 20;
    const auto home = data_directory::open(options);
    ASSERT_TRUE(home) << home.error().text;
    const auto opened = rocksdb_database::open(*home, options);
    ASSERT_TRUE(opened) << opened.error().text;
    database_ = *opened;
    store_ = std::make_unique<rocksdb_event_store>(database_);
    const auto committed = store_->commit(checkpoint_builder()
                                              .robot("a", 1, rows_at({10, 20}))
                                              .robot("b", 2, rows_at({10, 20}))
                                              .robot("c", 3, rows_at({10, 20}))
                                              .get());
    ASSERT_TRUE(committed && committed->empty());
  }
  void put(family which, std::string_view key, std::string_view value) {
    const auto session = database_->use();
    ASSERT_TRUE(session->db().Put({}, session->handle(which), key, value).ok());
  }
  void remove(family which, std::string_view key) {
    const auto session = database_->use();
    ASSERT_TRUE(session->db().Delete({}, session->handle(which), key).ok());
  }
  static std::string block_of(robot_id robot) {
    return std::string(make_event_key({robot, 20, 2}).view());
  }
};
using RocksdbDamageTest = rocksdb_damage_test;

template <class T>
bool is_damaged(const result<T>& outcome) {
  return !outcome && outcome.error().code == errc::damaged_row;
}

TEST_F(RocksdbDamageTest, ADamagedBlockIsItsRobotsAlone) {
  put(family::events, block_of(2), "nonsense");
  EXPECT_TRUE(is_damaged(store_->floor(2, timestamp_max)));
  EXPECT_TRUE(is_damaged(store_->ceil(2, 0)));
  EXPECT_TRUE(is_damaged(store_->ends(2, 0, 99)));
  EXPECT_TRUE(is_damaged(store_->scan(2, 0, 99, 9)));
  for (const robot_id other : {1, 3}) {
    EXPECT_EQ(store_->ceil(other, 11)->value(), row_at(20));
    EXPECT_EQ(store_->floor(other, timestamp_max)->value(), row_at(20));
    EXPECT_FALSE(store_->ceil(other, 21)->has_value()) << "the next block is another robot's";
    EXPECT_FALSE(store_->floor(other, 9)->has_value()) << "and so is the one before";
    EXPECT_EQ(store_->scan(other, 0, 99, 9)->size(), 2U);
  }
  const std::array keys{event_store::key{1, 20}, event_store::key{2, 10}, event_store::key{2, 20},
                        event_store::key{3, 10}};
  const auto found = store_->exact(keys);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ((*found)[0].value(), row_at(20).at);
  EXPECT_TRUE(is_damaged((*found)[1]) && is_damaged((*found)[2]));
  EXPECT_EQ((*found)[3].value(), row_at(10).at);
}

TEST_F(RocksdbDamageTest, ACommitNamesTheRobotWritesNothingAndTakesTheOthers) {
  put(family::events, block_of(2), "nonsense");
  checkpoint_builder what;
  what.robot("a", 1, rows_at({30})).robot("b", 2, rows_at({30})).marker({0, 9, 1, 1, 3});
  const auto committed = store_->commit(what.get());
  ASSERT_TRUE(committed) << committed.error().text;
  ASSERT_EQ(committed->size(), 1U);
  EXPECT_EQ(committed->front().name, "b");
  EXPECT_EQ(committed->front().why.code, errc::damaged_row);
  EXPECT_EQ(store_->markers()->front().cut, 0U);
  EXPECT_EQ(store_->floor(1, timestamp_max)->value(), row_at(20));
  const auto others = store_->commit(checkpoint_builder().robot("a", 1, rows_at({30})).get());
  ASSERT_TRUE(others && others->empty());
  // Without the damaged block the robot goes on, with a gap in its history.
  remove(family::events, block_of(2));
  const auto mended = store_->commit(what.get());
  ASSERT_TRUE(mended && mended->empty());
  EXPECT_EQ(store_->scan(2, 0, 99, 9).value(), rows_at({30}));
  EXPECT_EQ(store_->markers()->front().cut, 9U);
}

TEST_F(RocksdbDamageTest, ADamagedRowOfTheRobotTableLeavesTheOthers) {
  robot_value no_events = make_robot_value(2, {20, {1, 2}, 3, 0, 4, 5});
  for (const std::string_view value : {std::string_view("nonsense"), no_events.view()}) {
    put(family::robots, "b", value);
    const std::array<std::string_view, 4> names{"a", "b", "c", "d"};
    const auto found = store_->robots(names);
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_EQ((*found)[0].value()->id, 1U);
    EXPECT_TRUE(is_damaged((*found)[1]));
    EXPECT_EQ((*found)[2].value()->id, 3U);
    EXPECT_FALSE((*found)[3].value());
    const auto page = store_->scan_robots("", "", 2);
    ASSERT_TRUE(page) << page.error().text;
    ASSERT_EQ(page->rows.size(), 2U);
    EXPECT_EQ(page->rows[1].name, "c");
    ASSERT_EQ(page->damaged.size(), 1U);
    EXPECT_EQ(page->damaged[0].name, "b");
    EXPECT_FALSE(store_->cached_robot("b")) << "robots() is to name the damage";
  }
  remove(family::robots, "b");
  const std::array<std::string_view, 1> names{"b"};
  EXPECT_FALSE(store_->robots(names)->front().value());
}

TEST_F(RocksdbDamageTest, ADamagedMarkerIsNoMatterOfOneRobot) {
  put(family::meta, make_marker_key(0).view(), "nonsense");
  EXPECT_EQ(store_->markers().error().code, errc::corrupt);
}

} // namespace
} // namespace telemetry::test
