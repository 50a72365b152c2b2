// A row of one robot that is damaged in the store: its robot is not served, all others are, and
// nothing that was answered OK is lost (ADR 0055).

#include "tests/support/producer.hpp"

#include <gmock/gmock.h>

namespace telemetry::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class damaged_row_test : public engine_test {
protected:
  damaged_row_test() { options.robots_idle = milliseconds{20}; }

  /// `a` and `b` are stored up to 100, and have left memory.
  void store_both() {
    {
      producer client{*this};
      client.send("0,0,100,a", "0,0,100,b");
      live(5 * window_ms);
      checkpoint();
    }
    live(200);
  }
  void damage_row(const std::string& robot) { database.store_faults->damaged_rows.insert(robot); }
  void damage_events(const std::string& robot) {
    database.store_faults->damaged_events.insert(database.tables->robots.at(robot).id);
  }
  void mend() {
    database.store_faults->damaged_rows.clear();
    database.store_faults->damaged_events.clear();
  }
  /// Restarts with an event of `a` in the journal only and the row of `a` damaged; `b` is intact.
  void restart_with_a_damaged_row() {
    start();
    store_both();
    {
      producer client{*this};
      client.send("0,0,200,a");
      settle();
    }
    damage_row("a");
    restart();
  }
  std::vector<std::string> listed() {
    std::vector<std::string> names;
    const auto found = robots();
    EXPECT_TRUE(found);
    for (const auto& one : *found)
      names.push_back(one.name);
    return names;
  }
  void expect_damaged(const std::string& name) {
    const auto state = robot(name);
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code, errc::damaged_row);
    const auto path = events(name);
    ASSERT_FALSE(path);
    EXPECT_EQ(path.error().code, errc::damaged_row);
    const auto length = odometer(name, 0, timestamp_max);
    ASSERT_FALSE(length);
    EXPECT_EQ(length.error().code, errc::damaged_row);
  }
  [[nodiscard]] std::size_t journaled() const { return database.journal->shards[0].size(); }
};
using DamagedRowTest = damaged_row_test;

TEST_F(DamagedRowTest, ARobotWhoseRowIsDamagedIsRefusedAndTheOthersAreServed) {
  start();
  store_both();
  damage_row("a");
  EXPECT_FALSE(engine().trouble());
  expect_damaged("a");
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100}));
  EXPECT_EQ(listed(), (std::vector<std::string>{"b"}));
  EXPECT_FALSE(engine().not_ready());
  EXPECT_THAT(engine().trouble().value_or(""), HasSubstr("damaged by the test"));
}

TEST_F(DamagedRowTest, ItsEventsAreAnsweredErrAndHoldNobodyUp) {
  start();
  store_both();
  damage_row("a");
  producer client{*this};
  client.send("0,0,200,a", "0,0,200,b");
  live(5 * window_ms);
  ASSERT_EQ(client.peer.answers.size(), 2U);
  EXPECT_THAT(client.peer.answers[0], StartsWith("ERR the stored data of this robot is damaged"));
  EXPECT_EQ(client.peer.answers[1], "OK");
  checkpoint();
  live(5 * window_ms);
  const auto before = journaled();
  client.send("0,0,300,a");
  settle();
  EXPECT_THAT(client.peer.answers.back(), StartsWith("ERR the stored data"));
  EXPECT_EQ(journaled(), before) << "refused before the journal";
}

TEST_F(DamagedRowTest, AStartServesAndKeepsWhatTheJournalHasOfTheRobot) {
  start();
  store_both();
  {
    producer client{*this};
    client.send("0,0,200,a", "0,0,200,b");
    settle();
    EXPECT_EQ(client.peer.answers, (producer::texts{"OK", "OK"}));
  }
  damage_row("a");
  restart();
  expect_damaged("a");
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100, 200}));
  const auto cut = marker().cut;
  live(5 * window_ms);
  checkpoint();
  EXPECT_EQ(database.tables->robots.at("b").state.last_timestamp, 200);
  EXPECT_EQ(marker().cut, cut) << "the journal keeps the event of a";
  restart();
  expect_damaged("a");
  // Mended while the server runs.
  mend();
  live(200, 20);
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{100, 200}));
  EXPECT_EQ(listed(), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(engine().trouble());
  live(5 * window_ms);
  checkpoint();
  EXPECT_GT(marker().cut, cut);
  producer client{*this};
  client.send("0,0,300,a");
  settle();
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK"}));
}

TEST_F(DamagedRowTest, AMendedRowIsNotServedBeforeWhatWaitsForIt) {
  restart_with_a_damaged_row();
  mend(); // and the shard has not asked again
  expect_damaged("a");
  EXPECT_EQ(listed(), (std::vector<std::string>{"b"}));
}

TEST_F(DamagedRowTest, AStartAfterTheRowIsMendedHasEverything) {
  restart_with_a_damaged_row();
  live(5 * window_ms);
  checkpoint();
  mend();
  restart();
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{100, 200}));
}

TEST_F(DamagedRowTest, ARobotWhoseRowWasRemovedStartsAnew) {
  start();
  store_both();
  damage_row("a");
  producer client{*this};
  client.send("0,0,200,a");
  settle();
  mend();
  database.tables->robots.erase("a");
  live(200, 20);
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{200})) << "the journal has this event";
  client.send("0,0,300,a");
  live(5 * window_ms);
  EXPECT_EQ(client.peer.answers.back(), "OK");
  checkpoint();
  EXPECT_EQ(database.tables->robots.at("a").state.events, 2U);
}

TEST_F(DamagedRowTest, ACheckpointLeavesOutARobotWithADamagedBlockAndStoresTheOthers) {
  start();
  store_both();
  damage_events("a");
  producer client{*this};
  client.send("0,0,200,a", "0,0,200,b");
  live(5 * window_ms);
  const auto cut = marker().cut;
  checkpoint();
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK", "OK"}));
  EXPECT_EQ(database.tables->robots.at("a").state.last_timestamp, 100);
  EXPECT_EQ(database.tables->robots.at("b").state.last_timestamp, 200);
  EXPECT_EQ(marker().cut, cut);
  EXPECT_TRUE(engine().trouble());
  client.send("0,0,300,a", "0,0,300,b");
  live(5 * window_ms);
  checkpoint();
  EXPECT_EQ(database.tables->robots.at("b").state.last_timestamp, 300);
  EXPECT_EQ(marker().cut, cut);
  mend();
  checkpoint();
  checkpoint(); // the first has what was left out, the second what came later
  EXPECT_EQ(database.tables->robots.at("a").state.last_timestamp, 300);
  EXPECT_GT(marker().cut, cut);
  EXPECT_FALSE(engine().trouble());
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{100, 200, 300}));
}

TEST_F(DamagedRowTest, RowsThatWereLeftOutSurviveACrash) {
  start();
  store_both();
  damage_events("a");
  {
    producer client{*this};
    client.send("0,0,200,a", "0,0,200,b");
    live(5 * window_ms);
    checkpoint();
  }
  restart();
  live(5 * window_ms);
  checkpoint();
  restart();
  mend();
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{100, 200}));
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100, 200}));
}

TEST_F(DamagedRowTest, RowsThatAreLeftOutFillTheirShareOfMemoryAndNoMore) {
  constexpr std::size_t rows_max = 800;
  options.memory_bytes_max = rows_max * sizeof(track_row);
  start();
  store_both();
  damage_events("a");
  producer client{*this};
  for (std::size_t n = 1; n <= rows_max / 8 + 1; ++n) {
    client.send("0,0," + std::to_string(100 + n) + ",a");
    settle();
    EXPECT_EQ(client.peer.answers.back(), "OK");
  }
  live(5 * window_ms);
  checkpoint();
  client.send("0,0,900,a", "0,0,900,b");
  live(5 * window_ms);
  ASSERT_EQ(client.peer.answers.size(), rows_max / 8 + 3);
  EXPECT_THAT(client.peer.answers[rows_max / 8 + 1], StartsWith("ERR the stored data"));
  EXPECT_EQ(client.peer.answers.back(), "OK");
  EXPECT_TRUE(context().credit.is_open());
  mend();
  checkpoint();
  client.send("0,0,901,a");
  settle();
  EXPECT_EQ(client.peer.answers.back(), "OK");
}

TEST_F(DamagedRowTest, MemoryIsGivenBackOnceWhatWasLeftOutIsStored) {
  start();
  store_both();
  const auto before = context().credit.bytes(charge::rows);
  damage_events("a");
  producer client{*this};
  client.send("0,0,200,a", "0,0,200,b");
  live(5 * window_ms);
  checkpoint();
  EXPECT_EQ(context().credit.bytes(charge::rows), before + sizeof(track_row));
  mend();
  checkpoint();
  EXPECT_EQ(context().credit.bytes(charge::rows), before);
}

TEST_F(DamagedRowTest, AnOldEventInADamagedBlockIsAnsweredErr) {
  start();
  store_both();
  damage_events("a");
  producer client{*this};
  client.send("0,0,100,a", "0,0,100,b");
  settle();
  ASSERT_EQ(client.peer.answers.size(), 2U);
  EXPECT_THAT(client.peer.answers[0], StartsWith("ERR the stored data"));
  EXPECT_EQ(client.peer.answers[1], "OK");
}

TEST_F(DamagedRowTest, APostCountsItsEventsAsRefusedWithTheirLines) {
  start();
  store_both();
  damage_row("a");
  for (const char* const when : {"in the journal", "before the journal"}) {
    std::optional<result<net::ingest_outcome>> got;
    const timestamp_ms at = when == std::string_view{"in the journal"} ? 200 : 300;
    engine().ingest(io(), net::anonymous(),
                    {{"b", {0, 0}, at}, {"a", {0, 0}, at}, {"b", {0, 0}, at + 1}},
                    [&](result<net::ingest_outcome> what) { got = std::move(what); });
    live(5 * window_ms);
    ASSERT_TRUE(got && *got) << when;
    EXPECT_EQ((*got)->accepted, 2U) << when;
    EXPECT_EQ((*got)->refused, 1U) << when;
    ASSERT_EQ((*got)->refusals.size(), 1U) << when;
    EXPECT_EQ((*got)->refusals[0].index, 1U) << when;
  }
}

TEST_F(DamagedRowTest, IsInTheLogOnceAMinute) {
  start();
  store_both();
  damage_row("a");
  expect_damaged("a");
  const auto log_of = [this](std::int64_t ms) {
    testing::internal::CaptureStderr();
    live(ms, 100);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(log_of(1'100),
              HasSubstr("level=error msg=\"stored rows are damaged: their robots are not served, "
                        "all others are\" robots=1 robot=a reason=\"damaged by the test\"\n"));
  EXPECT_THAT(log_of(58'000), IsEmpty());
  EXPECT_THAT(log_of(2'000), HasSubstr("robot=a"));
}

const failure why{errc::damaged_row, "row 7"};

TEST(DamagedRobotsTest, ForgetsWhatOnlyReadsHaveSeenAfterAWhile) {
  damaged_robots damaged;
  damaged.see("a", why, 0);
  EXPECT_EQ(damaged.detail(damaged_robots::seen_ms - 1),
            "stored rows are damaged of 1 robot: row 7");
  EXPECT_FALSE(damaged.detail(damaged_robots::seen_ms));
  damaged.hold("a", why);
  EXPECT_TRUE(damaged.detail(damaged_robots::seen_ms));
  damaged.release("a");
  EXPECT_FALSE(damaged.detail(0));
}

TEST(DamagedRobotsTest, BoundsWhatReadsHaveSeenAndRefusesHeldRobotsAllTheSame) {
  damaged_robots damaged;
  for (std::size_t n = 0; n < 2 * damaged_robots::seen_max; ++n)
    damaged.see("r" + std::to_string(n), why, 0);
  EXPECT_EQ(damaged.summarize(0)->robots, damaged_robots::seen_max);
  damaged.hold("x", why);
  EXPECT_FALSE(damaged.refuses("x"));
  damaged.refuse("x");
  EXPECT_TRUE(damaged.refuses("x"));
  EXPECT_FALSE(damaged.refuses("r0"));
  EXPECT_EQ(damaged.summarize(0)->first, "x");
  damaged.release("x");
  EXPECT_FALSE(damaged.refuses("x"));
}

} // namespace
} // namespace telemetry::test
