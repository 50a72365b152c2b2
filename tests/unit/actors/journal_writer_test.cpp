// Group commit, stamps, ticks and replay. Every append also passes the checks of whole_log.

#include "tests/support/producer.hpp"

namespace telemetry::test {
namespace {

using std::chrono::milliseconds;
using JournalWriterTest = engine_test;
using RecoveryTest = engine_test;

TEST_F(JournalWriterTest, AnswersOnlyWhatIsDurable) {
  start();
  producer client{*this};
  database.journal_faults->append.fail_next(1, errc::no_space);
  client.send("1,2,3,a");
  settle();
  EXPECT_TRUE(client.peer.answers.empty());
  EXPECT_TRUE(database.log.shard(0).empty());
  live(60);
  EXPECT_EQ(client.peer.answers, producer::texts{"OK"});
  EXPECT_EQ(database.log.shard(0).size(), 1U);
}

TEST_F(JournalWriterTest, RetriesTheSameBatchUnderTheSameNumber) {
  start();
  producer client{*this};
  database.journal_faults->append.lose_next_answers(1);
  client.send("1,2,3,a");
  settle();
  client.send("1,2,4,a"); // must not slip into the batch whose outcome is unknown
  settle();
  EXPECT_TRUE(client.peer.answers.empty());
  live(60);
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK", "OK"}));
  ASSERT_GE(database.log.shard(0).size(), 2U);
  EXPECT_EQ(database.log.shard(0)[0].payload.size(), encoded_size(1));
  EXPECT_EQ(database.log.shard(0)[1].payload.size(), encoded_size(1));
  EXPECT_NE(database.log.shard(0)[1].payload, database.log.shard(0)[0].payload);
}

TEST_F(JournalWriterTest, PutsAllThatWaitsIntoOneCommit) {
  start();
  producer first{*this, 0};
  producer second{*this, 1};
  first.send("1,2,3,a");
  second.send("1,2,3,b");
  run_io(0);
  run_io(1);
  settle();
  EXPECT_EQ(first.peer.answers, producer::texts{"OK"});
  EXPECT_EQ(second.peer.answers, producer::texts{"OK"});
  EXPECT_EQ(database.log.shard(0).size(), 1U);
}

TEST_F(JournalWriterTest, TicksAQuietShardOnce) {
  start();
  producer client{*this};
  client.send("1,2,3,a");
  settle();
  live(5 * window_ms, 1);
  ASSERT_EQ(database.log.shard(0).size(), 2U);
  EXPECT_TRUE(database.log.shard(0)[1].payload.empty());
  live(1'000);
  EXPECT_EQ(database.log.shard(0).size(), 2U);
}

// Robots that were still loading when the sweep looked held nothing unsealed, and nobody looked
// again: their shard was never sealed.
TEST_F(JournalWriterTest, TicksAShardWhoseRobotsLoadLongerThanTheWindow) {
  start();
  producer client{*this};
  database.store_faults->robots.fail_next(1, errc::unavailable);
  client.send("1,2,3,a");
  live(10 * window_ms);
  EXPECT_TRUE(client.peer.answers.empty());
  live(300);
  EXPECT_EQ(client.peer.answers, producer::texts{"OK"});
  ASSERT_EQ(database.log.shard(0).size(), 2U);
  EXPECT_TRUE(database.log.shard(0)[1].payload.empty());
}

TEST_F(JournalWriterTest, NumbersContinueAboveTheMarkerOfATrimmedJournal) {
  start();
  {
    producer client{*this};
    client.send("1,2,3,a");
    live(5 * window_ms);
    checkpoint();
  }
  ASSERT_TRUE(database.journal_is_empty());
  restart();
  producer client{*this};
  client.send("1,2,4,a");
  settle();
  EXPECT_EQ(client.peer.answers, producer::texts{"OK"});
  ASSERT_EQ(database.log.shard(0).size(), 3U);
  EXPECT_EQ(database.log.shard(0).back().stamp.batch_no, 3U);
}

TEST_F(JournalWriterTest, ServingTimeGoesOnAfterTheSystemClockWasSetBack) {
  start();
  {
    producer client{*this};
    client.send("1,2,3,a");
    settle();
  }
  crash();
  constexpr std::int64_t day_ms = 86'400'000;
  time.wall_clock -= day_ms;
  start();
  live(5 * window_ms);
  EXPECT_EQ(database.log.shard(0).size(), 2U) << "no tick: nothing would be sealed for a day";
}

TEST_F(JournalWriterTest, EndsTheProcessAfterAFailedSync) {
  start();
  fatal_returns = true;
  producer client{*this};
  database.journal_faults->append.fail_next(1, errc::sync_failed);
  client.send("1,2,3,a");
  live(2'000, 50);
  ASSERT_TRUE(fatal);
  EXPECT_EQ(fatal->code, errc::sync_failed);
  EXPECT_EQ(database.journal_faults->append.calls(), 1U);
  EXPECT_TRUE(client.peer.answers.empty());
  fatal.reset();
}

TEST_F(RecoveryTest, ReplaysWithTheRecordedHorizon) {
  start();
  {
    producer client{*this};
    client.send("0,0,100,a");
    settle();
    pass(5);
    client.send("3,4,50,a");
    settle();
    EXPECT_EQ(client.peer.answers, (producer::texts{"OK", "OK"}));
  }
  crash();
  options.reorder_window = milliseconds{2};
  start();
  EXPECT_EQ((**recovered).events, 2U);
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{50, 100}));
}

TEST_F(RecoveryTest, TrimsWhatACrashLeftBelowTheMarker) {
  start();
  {
    producer client{*this};
    client.send("0,0,100,a");
    live(5 * window_ms);
    database.journal_faults->trim.fail_next(1, errc::unavailable);
    checkpoint();
  }
  EXPECT_FALSE(database.journal_is_empty());
  restart();
  EXPECT_TRUE(database.journal_is_empty());
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{100}));
}

TEST_F(RecoveryTest, HoldsNewBatchesBackUntilTheReplayIsDone) {
  start();
  {
    producer client{*this};
    client.send("0,0,100,a");
    settle();
  }
  crash();
  boot();
  producer client{*this};
  client.send("0,0,101,a");
  settle();
  EXPECT_TRUE(client.peer.answers.empty());
  EXPECT_EQ(database.log.shard(0).size(), 1U);
  recover();
  settle();
  EXPECT_EQ(client.peer.answers, producer::texts{"OK"});
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{100, 101}));
}

TEST_F(RecoveryTest, RefusesQuestionsUntilTheReplayIsDone) {
  boot();
  EXPECT_EQ(robot("a").error().code, errc::unavailable);
  EXPECT_EQ(events("a").error().code, errc::unavailable);
  EXPECT_EQ(robots().error().code, errc::unavailable);
  EXPECT_EQ(odometer("a", 0, 1).error().code, errc::unavailable);
  EXPECT_TRUE(engine().not_ready());
  recover();
  settle();
  EXPECT_FALSE(engine().not_ready());
  EXPECT_TRUE(robots());
}

TEST_F(RecoveryTest, AReplayThatEndsDuringAStopLeavesTheServerDraining) {
  start();
  {
    producer client{*this};
    client.send("0,0,100,a");
    settle();
  }
  crash();
  boot();
  recover();
  engine().finish([](bool) {});
  const auto draining = engine().not_ready();
  ASSERT_TRUE(draining);
  EXPECT_EQ(draining->rfind("draining", 0), 0U) << *draining;
  EXPECT_EQ(robot("a").error().code, errc::unavailable) << "rule 25 holds during a stop too";
  settle();
  ASSERT_TRUE(recovered && *recovered);
  EXPECT_EQ(engine().not_ready(), draining);
}

/// The longest there is: a few thousand events are more than a step of a replay.
std::string long_name() {
  std::string name;
  while (name.size() < name_bytes_max)
    name += "\U0001F916";
  return name;
}

TEST_F(RecoveryTest, ReplaysALongJournalInSeveralSteps) {
  options.in_flight_max = 100'000;
  start();
  constexpr std::size_t count = 8'000; // more than two steps
  const auto name = long_name();
  std::vector<net::ingest_line> lines;
  for (std::size_t i = 0; i < count; ++i)
    lines.push_back({name, {0, 0}, static_cast<timestamp_ms>(i % (count / 2))});
  engine().ingest(io(), net::anonymous(), std::vector(lines.begin(), lines.begin() + count / 2),
                  [](const auto& outcome) { EXPECT_TRUE(outcome); });
  settle();
  engine().ingest(io(), net::anonymous(), std::vector(lines.begin() + count / 2, lines.end()),
                  [](const auto& outcome) { EXPECT_TRUE(outcome); });
  settle();
  restart();
  EXPECT_EQ((**recovered).events, count);
  EXPECT_EQ(timestamps(name).size(), count / 2);
}

TEST_F(RecoveryTest, ACheckpointAmidTheReplayDoesNotSealByTheMarkersHorizon) { // rule 22
  options.robots_idle = milliseconds{20};
  options.in_flight_max = 100'000;
  start();
  {
    producer client{*this};
    client.send("0,0,100,b");
    live(5 * window_ms);
    checkpoint();
    live(200); // b is passive; what follows is parked, so that the marker's cut stays below it
    database.store_faults->robots.fail_next(1, errc::unavailable);
    client.send("0,0,200,b");
    settle();
    std::vector<net::ingest_line> filler;
    for (timestamp_ms i = 0; i < 4'000; ++i) // a step of the replay ends in here
      filler.push_back({long_name(), {0, 0}, i});
    engine().ingest(io(), net::anonymous(), std::move(filler), [](const auto&) {});
    settle();
    client.send("0,0,150,b");
    settle();
    pass(5 * window_ms);
    client.send("0,0,1,d");
    settle();
    checkpoint(); // by now 200 would be sealed
  }
  crash();
  boot();
  recover();
  const auto replays = database.journal_faults->replay.calls();
  while (database.journal_faults->replay.calls() == replays)
    run_actor();
  const auto run_first_step = [this] { // the writer does not hear that it is done
    return run(context().places.at(0)) || run(context().readers[0]) || run(context().readers[1]);
  };
  while (run_first_step()) {
  }
  ask_checkpoint();
  while (run(context().checkpointer) || run(context().places.at(0))) {
  }
  settle();
  ASSERT_TRUE(recovered && *recovered);
  EXPECT_EQ(timestamps("b"), (std::vector<timestamp_ms>{100, 150, 200}));
}

} // namespace
} // namespace telemetry::test
