// What every event store has to do. A new engine is one line in every_store().
#include "tests/contract/checkpoints.hpp"
#include "tests/contract/engines.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>

namespace telemetry::test {
namespace {

bool same(const shard_marker& left, const shard_marker& right) {
  return left.shard == right.shard && left.cut == right.cut &&
         left.arrival_ms == right.arrival_ms && left.horizon_ms == right.horizon_ms &&
         left.last_counter == right.last_counter;
}

bool same(const range_ends& left, const range_ends& right) {
  return left.first == right.first && left.last == right.last;
}

class event_store_contract_test : public testing::TestWithParam<engine_kind> {
protected:
  std::unique_ptr<engine_under_test> engine_ = GetParam().make(300);

  event_store& store() { return engine_->store(); }
  void commit(const checkpoint_builder& what) {
    const auto outcome = store().commit(what.get());
    ASSERT_TRUE(outcome) << outcome.error().text;
  }
  std::vector<event_row> scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                              std::size_t limit = 1'000'000) {
    return store().scan(robot, from, to, limit).value();
  }
  std::optional<robot_row> robot(std::string_view name) {
    return store().robots(std::array{name}).value()[0].value();
  }
  std::vector<std::string> names(std::string_view after, std::size_t limit,
                                 std::string_view before = "") {
    std::vector<std::string> found;
    const auto rows = store().scan_robots(after, before, limit);
    for (const robot_row& row : rows->rows)
      found.push_back(row.name);
    return found;
  }
};

using EventStoreContractTest = event_store_contract_test;
INSTANTIATE_TEST_SUITE_P(Engines, EventStoreContractTest, testing::ValuesIn(every_store()),
                         engine_name);

TEST_P(EventStoreContractTest, IsEmptyAtFirst) {
  EXPECT_FALSE(robot("r"));
  EXPECT_TRUE(names("", 10).empty());
  EXPECT_FALSE(store().floor(1, timestamp_max)->has_value());
  EXPECT_FALSE(store().ceil(1, 0)->has_value());
  EXPECT_TRUE(scan(1, 0, timestamp_max).empty());
  const auto markers = store().markers();
  ASSERT_EQ(markers->size(), 300U);
  for (std::uint32_t shard = 0; shard < 300; ++shard)
    EXPECT_TRUE(same((*markers)[shard], {shard, 0, -1, -1, 0}));
}

TEST_P(EventStoreContractTest, KeepsACheckpointOverReopening) {
  const std::vector<event_row> rows{
      {0, {0, 0}, 0}, {1, {1e15, -1e-300}, 0.1}, {timestamp_max, {-0.1, 1.0 / 3.0}, 1e300}};
  commit(checkpoint_builder().robot("r", 7, rows).marker({299, 12, 34, 6, 78}));
  engine_->reopen();
  EXPECT_EQ(scan(7, 0, timestamp_max), rows);
  const auto found = robot("r");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "r");
  EXPECT_EQ(found->id, 7U);
  EXPECT_EQ(found->state, (robot_state{timestamp_max,
                                       {-0.1, 1.0 / 3.0},
                                       1e300,
                                       3,
                                       1'700'000'000'000,
                                       1'700'000'000'000 + timestamp_max}));
  const auto markers = store().markers();
  EXPECT_TRUE(same((*markers)[299], {299, 12, 34, 6, 78}));
  EXPECT_TRUE(same((*markers)[1], {1, 0, -1, -1, 0})); // not 0, to which robot 7 belongs
}

TEST_P(EventStoreContractTest, TakesRobotsAndMarkersInAnyOrder) {
  commit(checkpoint_builder()
             .robot("a", 30, rows_at({1}))
             .robot("c", 10, rows_at({2}))
             .robot("b", 20, rows_at({3}))
             .marker({256, 2, 0, 0, 0})
             .marker({1, 1, 0, 0, 0}));
  EXPECT_EQ(names("", 10), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(scan(10, 0, 9), rows_at({2}));
  EXPECT_EQ(scan(20, 0, 9), rows_at({3}));
  EXPECT_EQ(scan(30, 0, 9), rows_at({1}));
  EXPECT_EQ((*store().markers())[1].cut, 1U);
  EXPECT_EQ((*store().markers())[256].cut, 2U);
}

TEST_P(EventStoreContractTest, TakesMarkersAlone) {
  commit(checkpoint_builder().marker({3, 17, 1, 1, 1}));
  EXPECT_EQ((*store().markers())[3].cut, 17U);
}

TEST_P(EventStoreContractTest, LaterCheckpointsAppendAndReplaceStates) {
  commit(checkpoint_builder().robot("r", 1, rows_at({10, 20})).marker({0, 5, 1, 1, 1}));
  commit(checkpoint_builder().robot("r", 1, rows_at({30}), 3).marker({0, 9, 2, 2, 2}));
  EXPECT_EQ(scan(1, 0, 99), rows_at({10, 20, 30}));
  EXPECT_EQ(robot("r")->state.last_timestamp, 30);
  EXPECT_EQ(robot("r")->state.events, 3U);
  EXPECT_TRUE(same((*store().markers())[0], {0, 9, 2, 2, 2}));
}

TEST_P(EventStoreContractTest, AcceptsTheSameCheckpointAgain) {
  checkpoint_builder what;
  what.robot("r", 1, rows_at({10, 20})).marker({0, 5, 1, 1, 1});
  commit(what);
  commit(what);
  // Made again by a replay, and grown meanwhile.
  commit(checkpoint_builder().robot("r", 1, rows_at({10, 20, 30})));
  EXPECT_EQ(scan(1, 0, 99), rows_at({10, 20, 30}));
}

TEST_P(EventStoreContractTest, RefusesRowsThatBreakAHistory) {
  commit(checkpoint_builder().robot("r", 1, rows_at({10, 20, 30})));
  auto other = rows_at({20, 30});
  other[0].at.x += 1;
  auto otherwise_folded = rows_at({30});
  otherwise_folded[0].odometer += 1;
  const std::vector<std::vector<event_row>> broken{
      rows_at({5, 40}),  // below what is there
      rows_at({15, 40}), // between
      rows_at({20}),     // repeats, but stops short of what is there
      rows_at({40, 35}), // out of order
      rows_at({40, 40}), other, otherwise_folded};
  for (const auto& rows : broken) {
    const auto outcome = store().commit(checkpoint_builder().robot("r", 1, rows).get());
    ASSERT_FALSE(outcome) << "rows from " << rows.front().timestamp;
    EXPECT_EQ(outcome.error().code, errc::corrupt);
    EXPECT_NE(outcome.error().text.find("\"r\""), std::string::npos) << outcome.error().text;
  }
  EXPECT_EQ(scan(1, 0, 99), rows_at({10, 20, 30}));
}

TEST_P(EventStoreContractTest, FloorAndCeilStayWithinTheirRobot) {
  commit(checkpoint_builder()
             .robot("a", 1, rows_at({10, 20}))
             .robot("b", 2, rows_at({0, timestamp_max}))
             .robot("c", 256, rows_at({15})));
  const auto floor = [&](robot_id id, timestamp_ms at) { return store().floor(id, at).value(); };
  const auto ceil = [&](robot_id id, timestamp_ms at) { return store().ceil(id, at).value(); };
  EXPECT_EQ(floor(1, 9), std::nullopt);
  EXPECT_EQ(floor(1, 10), row_at(10));
  EXPECT_EQ(floor(1, 19), row_at(10));
  EXPECT_EQ(floor(1, timestamp_max), row_at(20));
  EXPECT_EQ(ceil(1, 0), row_at(10));
  EXPECT_EQ(ceil(1, 11), row_at(20));
  EXPECT_EQ(ceil(1, 20), row_at(20));
  EXPECT_EQ(ceil(1, 21), std::nullopt);
  EXPECT_EQ(floor(2, 0), row_at(0));
  EXPECT_EQ(ceil(2, 1), row_at(timestamp_max));
  EXPECT_EQ(floor(3, timestamp_max), std::nullopt);
  EXPECT_EQ(ceil(255, 0), std::nullopt);
  EXPECT_EQ(floor(256, 20), row_at(15));
}

TEST_P(EventStoreContractTest, FindsTheEndsOfARange) {
  commit(checkpoint_builder()
             .robot("a", 1, rows_at({10, 20, 30}))
             .robot("b", 2, rows_at({0, timestamp_max})));
  const auto ends = [&](robot_id id, timestamp_ms from, timestamp_ms to) {
    return store().ends(id, from, to).value();
  };
  EXPECT_TRUE(same(ends(1, 0, timestamp_max), {row_at(10), row_at(30)}));
  EXPECT_TRUE(same(ends(1, 10, 29), {row_at(10), row_at(20)}));
  EXPECT_TRUE(same(ends(1, 11, 29), {row_at(20), row_at(20)}));
  EXPECT_TRUE(same(ends(1, 11, 19), {}));
  EXPECT_TRUE(same(ends(1, 31, timestamp_max), {}));
  EXPECT_TRUE(same(ends(1, 20, 10), {}));
  EXPECT_TRUE(same(ends(2, 0, timestamp_max), {row_at(0), row_at(timestamp_max)}));
  EXPECT_TRUE(same(ends(3, 0, timestamp_max), {}));
}

TEST_P(EventStoreContractTest, CachedReadsAnswerAsTheOthersDoOrNotAtAll) {
  using enum engine_kind::cached;
  const auto kind = GetParam().cached_reads;
  commit(checkpoint_builder().robot("r", 1, rows_at({10, 20})).robot("s", 2, rows_at({15})));
  engine_->reopen();
  if (kind == what_was_read) {
    EXPECT_FALSE(store().cached_robot("r")) << "taken for known, when it is on the disk";
    EXPECT_FALSE(store().cached_ends(1, 0, 99));
    EXPECT_FALSE(store().cached_ends(1, 0, timestamp_max));
  }
  ASSERT_TRUE(robot("r"));
  ASSERT_TRUE(same(store().ends(1, 0, 99).value(), {row_at(10), row_at(20)}));
  const auto row = store().cached_robot("r");
  const auto none = store().cached_robot("q");
  const auto ends = store().cached_ends(1, 0, 99);
  const auto nowhere = store().cached_ends(1, 11, 19);
  for (const bool has : {row.has_value(), none.has_value(), ends.has_value(), nowhere.has_value()})
    ASSERT_EQ(has, kind != nothing);
  if (kind == nothing)
    return;
  EXPECT_EQ((*row)->id, 1U);
  EXPECT_EQ((*row)->name, "r");
  EXPECT_EQ((*row)->state, robot("r")->state);
  EXPECT_FALSE(*none);
  EXPECT_TRUE(same(*ends, {row_at(10), row_at(20)}));
  EXPECT_TRUE(same(*nowhere, {}));
  commit(checkpoint_builder().robot("r", 1, rows_at({30}), 3));
  robot("r"), static_cast<void>(store().ends(1, 0, 99));
  EXPECT_EQ((*store().cached_robot("r"))->state.events, 3U) << "as of before the checkpoint";
  EXPECT_TRUE(same(*store().cached_ends(1, 0, 99), {row_at(10), row_at(30)}));
}

TEST_P(EventStoreContractTest, ScansABoundedRange) {
  commit(checkpoint_builder()
             .robot("a", 1, rows_at({10, 20, 30, 40}))
             .robot("b", 2, rows_at({0, 25})));
  EXPECT_EQ(scan(1, 20, 30), rows_at({20, 30}));
  EXPECT_EQ(scan(1, 11, 39), rows_at({20, 30}));
  EXPECT_EQ(scan(1, 0, timestamp_max, 3), rows_at({10, 20, 30}));
  EXPECT_EQ(scan(1, 0, timestamp_max, 0), rows_at({}));
  EXPECT_EQ(scan(1, 31, 30), rows_at({}));
  EXPECT_EQ(scan(2, 0, 0), rows_at({0}));
}

TEST_P(EventStoreContractTest, FindsExactPositionsInTheOrderOfTheKeys) {
  commit(checkpoint_builder().robot("a", 1, rows_at({10, 20})).robot("b", 2, rows_at({10})));
  const std::array keys{event_store::key{0, 10}, event_store::key{1, 10}, event_store::key{1, 11},
                        event_store::key{1, 20}, event_store::key{2, 10}};
  const auto found = store().exact(keys).value();
  const std::vector<std::optional<position>> expected{std::nullopt, row_at(10).at, std::nullopt,
                                                      row_at(20).at, row_at(10).at};
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(found[i].value(), expected[i]) << i;
  EXPECT_TRUE(store().exact({})->empty());
}

TEST_P(EventStoreContractTest, ComparesNamesByteByByte) {
  const std::vector<std::string> stored{" a", "A", "a", "a ", "a/b", "b", "\xC3\xA9"};
  checkpoint_builder what;
  for (std::size_t i = 0; i < stored.size(); ++i)
    what.robot(stored[i], i + 1, rows_at({static_cast<timestamp_ms>(i)}));
  commit(what);
  EXPECT_EQ(names("", 100), stored);
  EXPECT_EQ(names("a", 2), (std::vector<std::string>{"a ", "a/b"}));
  EXPECT_EQ(names("aa", 1), (std::vector<std::string>{"b"}));
  EXPECT_TRUE(names("\xC3\xA9", 5).empty());
  EXPECT_EQ(names("", 100, "b"),
            std::vector<std::string>(stored.begin(), std::find(stored.begin(), stored.end(), "b")));
  EXPECT_EQ(names("a.\xff", 9, "a0"), (std::vector<std::string>{"a/b"}))
      << "bounds need not be UTF-8";
  EXPECT_TRUE(names("b", 9, "b").empty());
  const std::array<std::string_view, 4> asked{"A", "a", "a  ", "b"};
  const auto found = store().robots(asked).value();
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ((*found[0])->id, 2U);
  EXPECT_EQ((*found[1])->id, 3U);
  EXPECT_FALSE(found[2].value());
  EXPECT_EQ((*found[3])->id, 6U);
}

TEST_P(EventStoreContractTest, ReaderNeverSeesHalfACheckpoint) {
  constexpr timestamp_ms checkpoints = 12;
  std::atomic<bool> done = false;
  std::thread reader([&] {
    do {
      // The robot row is read first: its rows, and mostly those of its twin, must be there by then.
      const auto row = robot("r");
      const timestamp_ms sealed = row ? row->state.last_timestamp : -1;
      ASSERT_GE(scan(1, 0, timestamp_max).size(), static_cast<std::size_t>(sealed + 1));
      if (GetParam().whole_checkpoints) {
        ASSERT_GE(scan(2, 0, timestamp_max).size(), static_cast<std::size_t>(sealed + 1));
        ASSERT_GE(static_cast<timestamp_ms>((*store().markers())[0].cut), sealed);
      }
      // Never the other way round: a marker promises all of its checkpoint.
      const auto cut = static_cast<timestamp_ms>((*store().markers())[0].cut);
      ASSERT_GE(robot("r") ? robot("r")->state.last_timestamp : 0, cut);
      ASSERT_GE(robot("twin") ? robot("twin")->state.last_timestamp : 0, cut);
    } while (!done);
  });
  for (timestamp_ms t = 0; t < checkpoints; ++t)
    commit(checkpoint_builder()
               .robot("r", 1, rows_at({t}))
               .robot("twin", 2, rows_at({t}))
               .marker({0, static_cast<std::uint64_t>(t), 0, 0, 0}));
  done = true;
  reader.join();
  EXPECT_EQ(scan(1, 0, timestamp_max).size(), static_cast<std::size_t>(checkpoints));
}

/// Sorted rows of a few robots, as the store should have them.
using store_model = std::map<robot_id, std::map<timestamp_ms, event_row>>;

void expect_equal_reads(event_store& store, const store_model& model, std::mt19937_64& random) {
  const robot_id id = random() % 6;
  const auto from = static_cast<timestamp_ms>(random() % 3000);
  const auto to = from + static_cast<timestamp_ms>(random() % 1000);
  const auto it = model.find(id);
  const std::map<timestamp_ms, event_row> none;
  const auto& rows = it == model.end() ? none : it->second;
  std::vector<event_row> range;
  std::for_each(rows.lower_bound(from), rows.upper_bound(to),
                [&](const auto& row) { range.push_back(row.second); });
  ASSERT_EQ(store.scan(id, from, to, 1'000'000).value(), range);
  const auto above = rows.lower_bound(from);
  ASSERT_EQ(store.ceil(id, from).value(),
            above == rows.end() ? std::nullopt : std::optional(above->second));
  const auto behind = rows.upper_bound(from);
  ASSERT_EQ(store.floor(id, from).value(),
            behind == rows.begin() ? std::nullopt : std::optional(std::prev(behind)->second));
  const range_ends ends = range.empty() ? range_ends{} : range_ends{range.front(), range.back()};
  if (const auto cached = store.cached_ends(id, from, to)) {
    ASSERT_TRUE(same(*cached, ends));
  }
  ASSERT_TRUE(same(store.ends(id, from, to).value(), ends));
  const auto exact = rows.find(to);
  ASSERT_EQ(store.exact(std::array{event_store::key{id, to}}).value()[0].value(),
            exact == rows.end() ? std::nullopt : std::optional(exact->second.at));
}

TEST_P(EventStoreContractTest, EqualsAModelOverRandomHistories) {
  const std::uint64_t seed = 20'261'124;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  store_model model;
  for (int step = 0; step < 40; ++step) {
    checkpoint_builder what;
    for (robot_id id = 1; id <= 4; ++id) {
      if (random() % 2 == 0)
        continue;
      auto& held = model[id];
      timestamp_ms last = held.empty() ? -1 : held.rbegin()->first;
      std::vector<event_row> rows;
      for (std::uint64_t n = 1 + random() % 30; n > 0; --n) {
        last += 1 + static_cast<timestamp_ms>(random() % 5);
        rows.push_back(row_at(last));
        held[last] = rows.back();
      }
      what.robot("robot " + std::to_string(id), id, rows, held.size());
    }
    what.marker({7, static_cast<std::uint64_t>(step), step, step, 0});
    commit(what);
    if (random() % 12 == 0)
      engine_->reopen();
    for (int read = 0; read < 10; ++read)
      ASSERT_NO_FATAL_FAILURE(expect_equal_reads(store(), model, random));
    ASSERT_EQ((*store().markers())[7].cut, static_cast<std::uint64_t>(step));
    for (const auto& [id, rows] : model)
      ASSERT_EQ(robot("robot " + std::to_string(id))->state.events, rows.size());
  }
}

/// Histories whose commits repeat some, or all, of what is stored, and mostly go on from there.
TEST_P(EventStoreContractTest, EqualsAModelWhereCommitsRepeatRows) {
  const std::uint64_t seed = 20'261'126;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  store_model model;
  for (int step = 0; step < 40; ++step) {
    const robot_id id = 1 + random() % 3;
    auto& held = model[id];
    // Of few rows and of many, so that what is repeated begins, ends and lies anywhere in them.
    const std::uint64_t most = random() % 2 == 0 ? 20 : 400;
    const auto kept = held.size() - std::min<std::size_t>(held.size(), random() % most);
    std::vector<event_row> rows;
    for (auto it = std::next(held.begin(), static_cast<std::ptrdiff_t>(kept)); it != held.end();
         ++it)
      rows.push_back(it->second);
    timestamp_ms last = held.empty() ? -1 : held.rbegin()->first;
    const std::uint64_t added = random() % 2 * (random() % most);
    for (std::uint64_t n = added + (rows.empty() ? 1 : 0); n > 0; --n) {
      last += 1 + static_cast<timestamp_ms>(random() % 3);
      rows.push_back(row_at(last));
      held[last] = rows.back();
    }
    commit(checkpoint_builder().robot("robot " + std::to_string(id), id, rows, held.size()));
    for (int read = 0; read < 20; ++read)
      ASSERT_NO_FATAL_FAILURE(expect_equal_reads(store(), model, random));
  }
}

} // namespace
} // namespace telemetry::test
