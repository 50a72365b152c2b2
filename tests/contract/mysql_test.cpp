// What MySQL has and no embedded engine: text, time zones, packets, SQL for people.
#include "tests/contract/mysql_fixture.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <gmock/gmock.h>
#include <limits>
#include <random>

namespace telemetry::test {
namespace {

using testing::ElementsAre;

class mysql_text_test : public mysql_test {
protected:
  std::unique_ptr<opened_mysql> opened_ = open();
  void commit(const checkpoint_builder& what) const {
    const auto outcome = opened_->store.commit(what.get());
    ASSERT_TRUE(outcome) << outcome.error().text;
  }
};
using MysqlTest = mysql_text_test;

TEST_F(MysqlTest, KeepsEveryByteOfAPayload) {
  std::string all;
  for (int first = 0; first < 256; ++first)
    for (const char second : {'\\', '\'', '\0', 'x', '\xff'})
      (all += static_cast<char>(first)) += second;
  ASSERT_TRUE(append(opened_->log, 0, 1, all));
  EXPECT_EQ(payloads(opened_->log, 0), std::vector{all});
}

TEST_F(MysqlTest, DamagedRowsConcernTheirRobotAloneUntilTheyAreMended) {
  for (const auto& [name, id] : {std::pair{"a", 1}, {"b", 2}, {"c", 3}})
    commit(checkpoint_builder().robot(name, static_cast<robot_id>(id), rows_at({10, 20})));
  direct_.run("UPDATE robots SET events = 0 WHERE name = 'b'");
  const std::array<std::string_view, 3> names{"a", "b", "c"};
  auto& store = opened_->store;
  const auto found = store.robots(names);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ((*found)[0].value()->id, 1U);
  EXPECT_EQ((*found)[1].error().code, errc::damaged_row);
  EXPECT_EQ((*found)[2].value()->id, 3U);
  const auto page = store.scan_robots("", "", 2);
  ASSERT_TRUE(page) << page.error().text;
  ASSERT_EQ(page->rows.size(), 2U);
  EXPECT_EQ(page->rows[1].name, "c");
  ASSERT_EQ(page->damaged.size(), 1U);
  EXPECT_EQ(page->damaged[0].name, "b");

  direct_.run("ALTER TABLE events MODIFY x DOUBLE NULL");
  direct_.run("UPDATE events SET x = NULL WHERE robot = 2");
  EXPECT_EQ(store.floor(2, timestamp_max).error().code, errc::damaged_row);
  EXPECT_EQ(store.ceil(2, 0).error().code, errc::damaged_row);
  EXPECT_EQ(store.scan(2, 0, 99, 9).error().code, errc::damaged_row);
  EXPECT_EQ(store.scan(1, 0, 99, 9)->size(), 2U);
  const std::array keys{event_store::key{2, 10}, event_store::key{3, 10}};
  const auto positions = store.exact(keys);
  ASSERT_TRUE(positions) << positions.error().text;
  EXPECT_EQ((*positions)[0].error().code, errc::damaged_row);
  EXPECT_EQ((*positions)[1].value(), row_at(10).at);
  checkpoint_builder what;
  what.robot("a", 1, rows_at({20, 30})).robot("b", 2, rows_at({20, 30})).marker({0, 9, 1, 1, 3});
  const auto committed = store.commit(what.get());
  ASSERT_TRUE(committed) << committed.error().text;
  ASSERT_EQ(committed->size(), 1U);
  EXPECT_EQ(committed->front().name, "b");
  EXPECT_EQ(store.markers()->front().cut, 0U);

  direct_.run("DELETE FROM events WHERE robot = 2");
  const auto mended = store.commit(what.get());
  ASSERT_TRUE(mended && mended->empty());
  EXPECT_EQ(store.scan(2, 0, 99, 9).value(), rows_at({20, 30}));
  EXPECT_EQ(store.markers()->front().cut, 9U);
}

TEST_F(MysqlTest, KeepsEveryByteOfAName) {
  const std::vector<std::string> names{std::string("\0", 1),
                                       "%",
                                       "'; DROP TABLE robots; -- ",
                                       "A",
                                       "\\",
                                       "_",
                                       "a",
                                       "a ",
                                       std::string(600, '\''),
                                       "\xE4\xB8\xAD\xE6\x96\x87",
                                       "\xF0\x9F\xA4\x96"};
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  checkpoint_builder what;
  for (std::size_t i = 0; i < names.size(); ++i)
    what.robot(names[i], i + 1, rows_at({1}));
  commit(what);
  const std::vector<std::string_view> asked(sorted.begin(), sorted.end());
  const auto found = opened_->store.robots(asked).value();
  const auto listed = opened_->store.scan_robots("", "", 100).value().rows;
  ASSERT_EQ(listed.size(), sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    ASSERT_TRUE(found[i] && *found[i]) << sorted[i];
    EXPECT_EQ((*found[i])->name, sorted[i]);
    EXPECT_EQ(names[(*found[i])->id - 1], sorted[i]);
    EXPECT_EQ(listed[i].name, sorted[i]);
  }
}

/// Doubles of every size, as bits.
std::vector<double> odd_doubles(std::size_t random_ones) {
  using limits = std::numeric_limits<double>;
  std::vector<double> all{0.0,
                          0.1,
                          1.0 / 3.0,
                          1e15,
                          -1e15,
                          123456789012345.67,
                          0.30000000000000004,
                          limits::min(),
                          limits::denorm_min(),
                          3 * limits::denorm_min(),
                          limits::max(),
                          limits::lowest(),
                          limits::epsilon(),
                          9007199254740993.0,
                          1e22,
                          1e23,
                          5e-324,
                          2.5e-310};
  std::mt19937_64 random(20'261'125);
  while (all.size() < random_ones)
    if (const auto value = std::bit_cast<double>(random()); std::isfinite(value))
      all.push_back(value);
  return all;
}

TEST_F(MysqlTest, KeepsEveryBitOfADouble) {
  const std::vector<double> values = odd_doubles(3000);
  std::vector<event_row> rows;
  for (std::size_t i = 0; i < values.size(); ++i)
    rows.push_back({static_cast<timestamp_ms>(i),
                    {values[i], 0.0 - values[values.size() - 1 - i]},
                    std::abs(values[i])});
  commit(checkpoint_builder().robot("r", 1, rows));
  const auto stored = opened_->store.scan(1, 0, timestamp_max, rows.size()).value();
  ASSERT_EQ(stored.size(), rows.size());
  const auto bits = [](double value) { return std::bit_cast<std::uint64_t>(value); };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(bits(stored[i].at.x), bits(rows[i].at.x)) << rows[i].at.x;
    EXPECT_EQ(bits(stored[i].at.y), bits(rows[i].at.y)) << rows[i].at.y;
    EXPECT_EQ(bits(stored[i].odometer), bits(rows[i].odometer)) << rows[i].odometer;
  }
}

TEST_F(MysqlTest, SplitsABatchThatNoPacketCanHold) {
  const std::string before = direct_.ask("SELECT @@global.max_allowed_packet")[0];
  direct_.run("SET GLOBAL max_allowed_packet = 1048576");
  opened_.reset();
  opened_ = open(); // the size is that of new connections
  std::string large(3u << 20, '\'');
  for (std::size_t i = 0; i < large.size(); i += 1000)
    large[i] = static_cast<char>(i / 1000);
  const auto outcome = append(opened_->log, 0, 1, large);
  direct_.run("SET GLOBAL max_allowed_packet = " + before);
  ASSERT_TRUE(outcome) << outcome.error().text;
  ASSERT_TRUE(append(opened_->log, 0, 2, "small"));
  EXPECT_EQ(payloads(opened_->log, 0), (std::vector<std::string>{large, "small"}));
  EXPECT_GE(std::stoul(direct_.ask("SELECT COUNT(*) FROM journal WHERE batch_no = 1")[0]), 6U);
}

TEST_F(MysqlTest, DeletesTrimmedRowsInTheBackground) {
  for (std::uint64_t n = 1; n <= 5; ++n)
    for (const std::uint32_t shard : {0U, 1U})
      ASSERT_TRUE(append(opened_->log, shard, n));
  std::size_t deletes = 0;
  proxy_.set_judge([&deletes](std::string_view statement) {
    deletes += statement.starts_with("DELETE") ? 1 : 0;
    return statement_fate();
  });
  ASSERT_TRUE(opened_->log.trim(0, 3));
  ASSERT_TRUE(opened_->log.trim(1, 5));
  while (direct_.ask("SELECT COUNT(*) FROM journal")[0] != "2") { // ctest has a time limit
  }
  EXPECT_EQ(direct_.ask("SELECT CONCAT(shard, '/', batch_no) FROM journal ORDER BY batch_no"),
            (std::vector<std::string>{"0/4", "0/5"}));
  EXPECT_EQ(opened_->log.last_batch(1).value(), 5U) << "numbers go on";
  opened_.reset();
  proxy_.clear_judge();
  EXPECT_EQ(deletes, 2U) << "one for each shard";
}

TEST_F(MysqlTest, RefusesToReplayWithoutTheLastEntry) {
  ASSERT_TRUE(append(opened_->log, 0, 1));
  ASSERT_TRUE(append(opened_->log, 0, 2));
  direct_.run("DELETE FROM journal WHERE batch_no = 2");
  const auto outcome =
      opened_->log.replay(0, 0, [](const journal_batch&) { return result<void>(); });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::corrupt);
  EXPECT_THAT(outcome.error().text, testing::HasSubstr("entry 2 of shard 0 is missing"));
}

TEST_F(MysqlTest, RefusesAnotherContentUnderAnOldNumber) {
  ASSERT_TRUE(append(opened_->log, 0, 1, "one"));
  ASSERT_TRUE(append(opened_->log, 0, 1, "one"));
  const auto outcome = append(opened_->log, 0, 1, "other");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::corrupt);
  EXPECT_EQ(payloads(opened_->log, 0), std::vector<std::string>{"one"});
}

TEST_F(MysqlTest, ShowsTimesInUtcInEveryTimeZone) {
  constexpr timestamp_ms midnight = 1'700'006'400'000; // 2023-11-15 00:00 UTC
  commit(checkpoint_builder()
             .robot("r", 1,
                    {{midnight - 60'000, {0, 0}, 0},
                     {midnight - 1, {3, 4}, 5},
                     {midnight, {3, 5}, 6},
                     {midnight + 90'000'123, {3, 8}, 9}})
             .robot("never moved", 2, {{0, {1, 1}, 0}}));
  const auto days = [this] {
    return direct_.ask("SELECT CONCAT(robot, ' ', day_utc, ' ', events, ' ', distance)"
                       " FROM distance_per_day ORDER BY robot, day_utc");
  };
  const auto latest = [this] {
    return direct_.ask("SELECT CONCAT(robot, ' ', time_utc, ' ', x, ' ', y, ' ', odometer)"
                       " FROM latest_positions ORDER BY robot");
  };
  const auto listed = [this] {
    return direct_.ask("SELECT CONCAT(timestamp, ' ', time_utc) FROM event_list"
                       " WHERE robot = 'r' ORDER BY timestamp LIMIT 2");
  };
  for (const std::string zone : {"+00:00", "+09:30", "-11:00"}) {
    direct_.run("SET time_zone = '" + zone + "'");
    EXPECT_THAT(days(), ElementsAre("never moved 1970-01-01 1 0", "r 2023-11-14 2 5",
                                    "r 2023-11-15 1 1", "r 2023-11-16 1 3"));
    EXPECT_THAT(latest(), ElementsAre("never moved 1970-01-01 00:00:00.000000 1 1 0",
                                      "r 2023-11-16 01:00:00.123000 3 8 9"));
    EXPECT_THAT(listed(), ElementsAre("1700006340000 2023-11-14 23:59:00.000000",
                                      "1700006399999 2023-11-14 23:59:59.999000"));
  }
}

class mysql_view_test : public mysql_text_test {
protected:
  static constexpr std::size_t robots = 200;
  static constexpr std::size_t events = 50; // of each

  mysql_view_test() {
    checkpoint_builder what;
    std::vector<timestamp_ms> times;
    for (std::size_t i = 0; i < events; ++i)
      times.push_back(static_cast<timestamp_ms>(i) * 7'200'000); // over five days
    for (std::size_t i = 0; i < robots; ++i)
      what.robot(name(i), i + 1, rows_at(times));
    commit(what);
    direct_.ask("ANALYZE TABLE robots, events");
  }
  static std::string name(std::size_t robot) { return "robot " + std::to_string(robot); }

  /// Rows of tables and indexes that the server reads for a query, and how many the answer has.
  struct cost {
    std::uint64_t read;
    std::size_t answered;
  };
  cost cost_of(const std::string& query) {
    direct_.run("FLUSH STATUS");
    const std::size_t answered = direct_.ask(query).size();
    cost found{0, answered};
    for (const std::string& count : direct_.ask("SHOW SESSION STATUS LIKE 'Handler_read%'", 2))
      found.read += std::stoull(count);
    return found;
  }
};
using MysqlViewTest = mysql_view_test;

TEST_F(MysqlViewTest, ReadsOnlyTheRowsOfTheRobotThatIsAskedForByName) {
  const std::string of_one = " WHERE name = '" + name(7) + "'";
  const auto all = cost_of("SELECT timestamp FROM event_list" + of_one);
  EXPECT_EQ(all.answered, events);
  EXPECT_LE(all.read, 2 * events);
  const auto some =
      cost_of("SELECT x FROM event_list" + of_one + " AND timestamp BETWEEN 7200000 AND 21600000");
  EXPECT_EQ(some.answered, 3U);
  EXPECT_LE(some.read, 10U);
  const auto latest = cost_of("SELECT x FROM latest_positions" + of_one);
  EXPECT_EQ(latest.answered, 1U);
  EXPECT_LE(latest.read, robots / 10); // MySQL counts reads of its dictionary too
  const auto days = cost_of("SELECT distance FROM distance_per_day" + of_one);
  EXPECT_EQ(days.answered, 5U);
  EXPECT_LE(days.read, 4 * events);
}

TEST_F(MysqlViewTest, ShowsNamesForReadingAndForConditions) {
  commit(checkpoint_builder().robot("Zo\xC3\xAB", 1000, rows_at({1})));
  for (const std::string view : {"event_list", "latest_positions", "distance_per_day"})
    for (const std::string column : {"name", "robot"})
      EXPECT_THAT(direct_.ask("SELECT robot FROM " + view + " WHERE " + column + " = 'Zo\xC3\xAB'"),
                  ElementsAre("Zo\xC3\xAB"))
          << view << ' ' << column;
}

TEST_F(MysqlTest, StoresTheSameInEveryTimeZoneOfTheServer) {
  const std::string before = direct_.ask("SELECT @@global.time_zone")[0];
  const auto rows = rows_at({0, 1, timestamp_max});
  std::vector<std::string> seen;
  for (const std::string zone : {"+00:00", "+09:30"}) {
    direct_.run("SET GLOBAL time_zone = '" + zone + "'");
    opened_.reset();
    opened_ = open();
    const robot_id id = seen.size() + 1;
    commit(checkpoint_builder().robot("robot of " + zone, id, rows));
    ASSERT_TRUE(append(opened_->log, 0, id));
    EXPECT_EQ(opened_->store.scan(id, 0, timestamp_max, 9).value(), rows);
    seen.push_back(direct_.ask("SELECT CONCAT(created_ms, ' ', updated_ms, ' ', last_timestamp)"
                               " FROM robots WHERE id = " +
                               std::to_string(id))[0]);
  }
  direct_.run("SET GLOBAL time_zone = '" + before + "'");
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(payloads(opened_->log, 0).size(), 2U);
}

} // namespace
} // namespace telemetry::test
