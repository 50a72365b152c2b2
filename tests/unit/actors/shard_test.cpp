// Shards with their robots and checkpoints: parking, cuts, look-ups, passivation (rules 11 to 28).

#include "tests/support/producer.hpp"

#include "core/name_hash.hpp"

namespace telemetry::test {
namespace {

using std::chrono::milliseconds;

class shard_test : public engine_test {
protected:
  /// Robot b is stored up to 100 and passive; 200 and 150 of it are parked while its row cannot be
  /// read; then another robot moves the shard's time far beyond them.
  void park(producer& client) {
    client.send("0,0,100,b");
    live(5 * window_ms);
    checkpoint();
    live(200);
    database.store_faults->robots.fail_next(1, errc::unavailable);
    client.send("0,0,200,b", "0,0,150,b");
    settle();
    pass(5 * window_ms);
    client.send("0,0,1,d");
    settle();
    EXPECT_EQ(client.peer.answers, (producer::texts{"OK"})) << "b's row is not read yet";
  }
  robot_id id_of(const std::string& robot) { return database.tables->robots.at(robot).id; }
};
using ShardTest = shard_test;
using CheckpointerTest = shard_test;

TEST_F(ShardTest, OffersParkedEventsWithTheStampOfTheirBatch) {
  options.robots_idle = milliseconds{20};
  start();
  producer client{*this};
  park(client);
  live(300);
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK", "OK", "OK", "OK"}));
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100, 150, 200}));
}

TEST_F(ShardTest, CutStaysBelowParkedEvents) {
  options.robots_idle = milliseconds{20};
  start();
  {
    producer client{*this};
    park(client);
    const auto cut = marker().cut;
    const auto horizon = marker().horizon_ms;
    checkpoint();
    EXPECT_EQ(marker().cut, cut);
    EXPECT_GE(marker().horizon_ms, horizon);
  }
  restart();
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100, 150, 200}));
  EXPECT_EQ(timestamps("d"), (std::vector<timestamp_ms>{1}));
}

TEST_F(ShardTest, CutStaysBelowUnsealedEvents) {
  start();
  {
    producer client{*this};
    client.send("0,0,100,b");
    settle();
    pass(window_ms);
    client.send("0,0,101,b"); // seals 100, and is not sealed itself
    settle();
    checkpoint();
  }
  EXPECT_EQ(marker().cut, 1U);
  EXPECT_EQ(database.journal->shards[0].count(2), 1U);
  restart();
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100, 101}));
}

TEST_F(ShardTest, LooksOldEventsUpInTheStoreBeforeTheyAreStale) {
  start();
  producer client{*this};
  client.send("1,2,100,b");
  live(5 * window_ms);
  checkpoint();
  client.send("1,2,100,b", "1,3,100,b", "1,2,50,b");
  settle();
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK", "OK", "CONFLICT", "STALE 100"}));
}

TEST_F(ShardTest, LookUpsWaitForTheStore) {
  start();
  producer client{*this};
  client.send("1,2,100,b");
  live(5 * window_ms);
  checkpoint();
  database.store_faults->reads.fail_next(1, errc::unavailable);
  client.send("1,2,100,b", "1,2,200,b");
  settle();
  EXPECT_EQ(client.peer.answers.size(), 1U) << "answers behind a look-up wait";
  live(300);
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK", "OK", "OK"}));
}

TEST_F(ShardTest, KnowsSealedEventsThatAreNotStoredYet) {
  start();
  producer client{*this};
  client.send("1,2,100,b");
  live(5 * window_ms);
  client.send("1,2,100,b", "1,3,100,b", "1,2,50,b");
  settle();
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK", "OK", "CONFLICT", "STALE 100"}));
}

TEST_F(ShardTest, ActivatesAPassiveRobotFromItsRow) {
  options.robots_idle = milliseconds{20};
  start();
  producer client{*this};
  client.send("0,0,100,b");
  live(5 * window_ms);
  checkpoint();
  live(200);
  const auto loads = database.store_faults->robots.calls();
  client.send("3,4,101,b");
  settle();
  EXPECT_EQ(database.store_faults->robots.calls(), loads + 1);
  const auto state = robot("b");
  ASSERT_TRUE(state && *state);
  EXPECT_EQ((*state)->odometer, 5.0);
  EXPECT_EQ((*state)->events, 2U);
}

TEST_F(ShardTest, KeepsIdleRobotsWhoseRowsAreNotStored) {
  options.robots_idle = milliseconds{20};
  start();
  producer client{*this};
  client.send("0,0,100,b");
  live(500);
  const auto loads = database.store_faults->robots.calls();
  client.send("3,4,101,b");
  settle();
  EXPECT_EQ(database.store_faults->robots.calls(), loads);
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100, 101}));
}

TEST_F(ShardTest, GoesBackToTheLargestNumberOfRobotsOnceTheyAreStored) {
  options.robots_active_max = 1;
  start();
  producer client{*this};
  client.send("0,0,1,a", "0,0,1,b", "0,0,1,c");
  live(5 * window_ms);
  checkpoint();
  live(1'100, 50);
  const auto loads = database.store_faults->robots.calls();
  client.send("0,0,2,a");
  settle();
  client.send("0,0,2,b");
  settle();
  EXPECT_GT(database.store_faults->robots.calls(), loads);
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{1, 2}));
}

TEST_F(ShardTest, NeverGivesARobotIdTwice) {
  start();
  {
    producer client{*this};
    client.send("0,0,1,a", "0,0,1,b");
    live(5 * window_ms);
    checkpoint();
  }
  restart();
  producer client{*this};
  client.send("0,0,1,c");
  live(5 * window_ms);
  checkpoint();
  EXPECT_EQ((std::set<robot_id>{id_of("a"), id_of("b"), id_of("c")}),
            (std::set<robot_id>{1, 2, 3}));
}

/// Events whose answers wait for the store, from producers that keep reconnecting.
class late_answers_test : public shard_test {
protected:
  static constexpr std::size_t limit = 64 << 10;

  late_answers_test() { options.memory_bytes_max = limit; }

  /// A producer sends `event`, hangs up and comes back, until the credit closes or `most` have
  /// come.
  std::size_t reconnect(const std::string& event, std::size_t most = 1'000) {
    std::size_t came = 0;
    for (; came < most && context().credit.is_open(); ++came) {
      producer client{*this};
      client.send(event);
      settle();
    }
    return came;
  }
};
using LateAnswersTest = late_answers_test;

TEST_F(LateAnswersTest, ParkedEventsCloseTheCreditUntilTheStoreAnswers) {
  start();
  database.store_faults->robots.fail_next(1'000, errc::unavailable);
  EXPECT_LT(reconnect("0,0,100,b"), 1'000U) << "nothing else holds them back";
  producer client{*this};
  EXPECT_FALSE(client.upstream->may_read());
  database.store_faults->robots.fail_next(0, errc::unavailable);
  live(5'000, 50);
  EXPECT_TRUE(client.upstream->may_read());
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100}));
}

TEST_F(LateAnswersTest, LookUpsCloseTheCreditUntilTheStoreAnswers) {
  start();
  reconnect("0,0,100,b", 1);
  live(5 * window_ms);
  checkpoint();
  const auto before = context().credit.memory_bytes();
  database.store_faults->reads.fail_next(100'000, errc::unavailable);
  EXPECT_LT(reconnect("0,0,100,b"), 1'000U) << "nothing else holds them back";
  database.store_faults->reads.fail_next(0, errc::unavailable);
  live(1'000, 50);
  EXPECT_TRUE(context().credit.is_open());
  EXPECT_EQ(context().credit.memory_bytes(), before) << "all of it is given back";
}

TEST_F(LateAnswersTest, AnEventThatIsParkedAndThenLookedUpIsChargedUntilItsAnswer) {
  options.robots_idle = milliseconds{20};
  start();
  reconnect("0,0,100,b", 1);
  live(5 * window_ms);
  checkpoint();
  live(200);
  ASSERT_EQ(context().credit.memory_bytes(), 0U);
  database.store_faults->robots.fail_next(1, errc::unavailable);
  database.store_faults->reads.fail_next(2, errc::unavailable);
  producer client{*this};
  client.send("0,0,100,b\n0,1,100,b");
  settle();
  EXPECT_GT(context().credit.memory_bytes(), 0U) << "parked";
  live(300);
  EXPECT_GT(context().credit.memory_bytes(), 0U) << "looked up";
  EXPECT_TRUE(client.peer.answers.empty());
  live(600);
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK\nCONFLICT"}));
  live(200);
  EXPECT_EQ(context().credit.memory_bytes(), 0U);
}

TEST_F(LateAnswersTest, ParkedEventsOfAReplayAreChargedToNobody) {
  options.robots_idle = milliseconds{20};
  start();
  reconnect("0,0,100,b", 1);
  database.store_faults->robots.fail_next(1, errc::unavailable);
  crash();
  boot();
  recover();
  live(1'000, 50);
  ASSERT_TRUE(recovered && *recovered);
  checkpoint();
  live(200);
  EXPECT_EQ(context().credit.memory_bytes(), 0U);
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100}));
}

TEST_F(CheckpointerTest, TakesTheHorizonOfTheLastBatchAndReadsNoClock) {
  start();
  producer client{*this};
  client.send("0,0,100,b");
  settle();
  time.steady += 10 * window_ms; // but no batch says so
  checkpoint();
  EXPECT_TRUE(database.tables->robots.empty());
  EXPECT_FALSE(database.journal_is_empty());
}

TEST_F(CheckpointerTest, RowsLeaveMemoryAndJournalOnlyOnceTheStoreHasThem) {
  start();
  producer client{*this};
  client.send("0,0,100,b");
  live(5 * window_ms);
  database.store_faults->commit.fail_next(1, errc::no_space);
  checkpoint();
  EXPECT_FALSE(database.journal_is_empty());
  EXPECT_GT(context().credit.bytes(charge::rows), 0U);
  EXPECT_TRUE(engine().not_ready());
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100}));
  live(600);
  EXPECT_TRUE(database.journal_is_empty());
  EXPECT_EQ(context().credit.bytes(charge::rows), 0U);
  EXPECT_FALSE(engine().not_ready());
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100}));
}

TEST_F(CheckpointerTest, TheRobotRowIsTheStateAtTheLastSealedRow) {
  start();
  producer client{*this};
  client.send("0,0,100,b");
  settle();
  pass(window_ms);
  client.send("3,4,101,b");
  settle();
  checkpoint();
  const auto& row = database.tables->robots.at("b");
  EXPECT_EQ(row.state, database.log.robots().at("b").state(100));
  EXPECT_EQ(row.state.events, 1U);
}

TEST_F(CheckpointerTest, FinishStoresWhatIsSealed) {
  start();
  producer client{*this};
  client.send("0,0,100,b");
  live(5 * window_ms);
  std::optional<bool> stored;
  engine().finish([&](bool done) { stored = done; });
  settle();
  EXPECT_EQ(stored, std::optional{true});
  EXPECT_EQ(database.tables->robots.count("b"), 1U);
}

TEST_F(CheckpointerTest, FinishDoesNotWaitForAStoreThatIsAway) {
  start();
  producer client{*this};
  client.send("0,0,100,b");
  live(5 * window_ms);
  database.store_faults->commit.fail_next(1'000, errc::unavailable);
  std::optional<bool> stored;
  engine().finish([&](bool done) { stored = done; });
  settle();
  EXPECT_EQ(stored, std::optional{false});
}

} // namespace
} // namespace telemetry::test
