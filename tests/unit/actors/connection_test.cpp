// Connections, POST bodies, their order of answers, credit and stalls; actors run inline.

#include "actors/inline_unit.hpp"
#include "actors/lane.hpp"
#include "actors/pending_engine.hpp"
#include "tests/support/producer.hpp"
#include "tests/unit/actors/heap_count.hpp"

namespace telemetry::test {
namespace {

using std::chrono::milliseconds;
using ConnectionTest = engine_test;
using AnswerQueueTest = engine_test;
using InlineUnitTest = engine_test;

class ingest_test : public engine_test {
protected:
  void post(std::vector<net::ingest_line> lines) {
    engine().ingest(io(), net::anonymous(), std::move(lines),
                    [this](result<net::ingest_outcome> what) { outcome_ = what; });
  }
  std::optional<result<net::ingest_outcome>> outcome_;
};
using IngestTest = ingest_test;

TEST_F(ConnectionTest, AnswersEachMessageOnceWithALinePerLine) {
  start();
  producer client{*this};
  client.send("1,2,3,a\n1,2,4,a\r\n\n1,2,5,a\n", "", "1,2,6,a\n");
  settle();
  ASSERT_EQ(client.peer.answers.size(), 3U);
  const auto& first = client.peer.answers[0];
  EXPECT_EQ(first.rfind("OK\nOK\nERR ", 0), 0U) << first;
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 3) << first;
  EXPECT_TRUE(first.ends_with("\nOK")) << first;
  EXPECT_EQ(client.peer.answers[1].rfind("ERR ", 0), 0U);
  EXPECT_EQ(client.peer.answers[2], "OK");
  EXPECT_EQ(client.peer.flushed, 3U);
}

/// May write to robots that begin with "own/".
net::caller_ptr narrow_caller() {
  return std::make_shared<const net::caller>(
      net::caller{"a test", {net::scope::ingest}, name_filter(std::vector<std::string>{"own/"})});
}

TEST_F(ConnectionTest, RefusesEventsOfRobotsThatItsCallerMayNotWriteTo) {
  start();
  recording_peer peer;
  const auto upstream = std::move(engine().upstreams().open(peer, io(), narrow_caller()).value());
  upstream->on_messages(std::vector<std::string_view>{"0,0,1,own/1\n0,0,1,foreign\n0,0,1,own/2"});
  settle();
  EXPECT_EQ(peer.answers, std::vector<std::string>{"OK\nERR not allowed for this robot\nOK"});
  EXPECT_EQ(timestamps("own/1"), std::vector<timestamp_ms>{1});
  EXPECT_FALSE(*robot("foreign"));
}

TEST_F(IngestTest, RefusesEventsOfRobotsThatItsCallerMayNotWriteTo) {
  start();
  engine().ingest(io(), narrow_caller(), {{"own/1", {0, 0}, 1}, {"foreign", {0, 0}, 1}},
                  [this](result<net::ingest_outcome> what) { outcome_ = what; });
  settle();
  ASSERT_TRUE(outcome_ && *outcome_);
  EXPECT_EQ((*outcome_)->accepted, 1U);
  EXPECT_EQ((*outcome_)->refused, 1U);
  EXPECT_EQ((*outcome_)->refusals.at(0).index, 1U);
  EXPECT_EQ((*outcome_)->refusals.at(0).reason, "not allowed for this robot");
  EXPECT_FALSE(*robot("foreign"));
}

class many_shards_test : public engine_test {
protected:
  many_shards_test() : engine_test(64) {}
};
using LaneTest = many_shards_test;

// Room for what the fullest shard had was made in every shard, for every turn.
TEST_F(LaneTest, MakesRoomOnlyInTheShardsOfATurn) {
  start();
  producer client{*this};
  for (timestamp_ms n = 0; n < 200; ++n)
    client.send("1,2," + std::to_string(n) + ",busy");
  settle();
  client.send("1,2,1,rare");
  ASSERT_TRUE(context().lanes[0]->current());
  std::size_t used = 0;
  for (const auto& part : context().lanes[0]->current()->slices) {
    const auto items = part.items.size();
    EXPECT_LE(part.items.capacity(), items);
    EXPECT_LE(part.verdicts.capacity(), items);
    used += items;
  }
  EXPECT_EQ(used, 1U);
  settle();
}

TEST_F(AnswerQueueTest, ARefusalWaitsForTheAnswersBeforeIt) {
  start();
  producer client{*this};
  client.send("x", "1,2,3,a", "y", "1,2,4,a");
  EXPECT_EQ(client.peer.answers.size(), 1U) << "nothing is before the first";
  settle();
  ASSERT_EQ(client.peer.answers.size(), 4U);
  EXPECT_EQ(client.peer.answers[1], "OK");
  EXPECT_EQ(client.peer.answers[2].rfind("ERR ", 0), 0U);
  EXPECT_EQ(client.peer.answers[3], "OK");
}

TEST_F(AnswerQueueTest, AnswersOfALaterCommitStayBehindALateVerdict) {
  start();
  producer client{*this};
  database.store_faults->robots.fail_next(1, errc::unavailable);
  client.send("1,2,3,slow");
  settle();
  client.send("1,2,3,quick", "bad");
  settle();
  EXPECT_TRUE(client.peer.answers.empty());
  EXPECT_EQ(client.upstream->unanswered(), 3U);
  live(300);
  ASSERT_EQ(client.peer.answers.size(), 3U);
  EXPECT_EQ(client.upstream->unanswered(), 0U);
}

TEST_F(ConnectionTest, AnswersOksOfSingleLinesInOneGo) {
  start();
  producer client{*this};
  client.send("1,2,1,a", "1,2,2,a", "1,2,2,a", "1,9,2,a", "1,2,3,a");
  settle();
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK", "OK", "OK", "CONFLICT", "OK"}));
  EXPECT_EQ(client.peer.ok_runs, (std::vector<std::size_t>{3, 1}));
}

TEST_F(ConnectionTest, ReadsWithinItsCreditOnly) {
  options.in_flight_max = 2;
  start();
  producer client{*this};
  EXPECT_TRUE(client.upstream->may_read());
  client.send("1,2,1,a");
  EXPECT_TRUE(client.upstream->may_read());
  client.send("1,2,2,a");
  EXPECT_FALSE(client.upstream->may_read());
  settle();
  EXPECT_TRUE(client.upstream->may_read());
  EXPECT_EQ(client.peer.flushed, 2U) << "the session is told to look again";
}

TEST_F(ConnectionTest, ReadsWithinItsBytesOnly) {
  options.in_flight_bytes_max = 10;
  start();
  producer client{*this};
  client.send("1.00000,2,1,a");
  EXPECT_FALSE(client.upstream->may_read());
  settle();
  EXPECT_TRUE(client.upstream->may_read());
}

TEST_F(ConnectionTest, AnswersThatThePeerHasNotReadCountAsCredit) {
  options.in_flight_max = 10;
  options.in_flight_bytes_max = 1000;
  start();
  producer client{*this};
  client.peer.unread = {9, 999};
  EXPECT_TRUE(client.upstream->may_read());
  client.peer.unread = {10, 40};
  EXPECT_FALSE(client.upstream->may_read());
  client.peer.unread = {1, 1000};
  EXPECT_FALSE(client.upstream->may_read());
  client.peer.unread = {9, 0};
  client.send("1,2,1,a");
  EXPECT_FALSE(client.upstream->may_read()) << "nine unread and one unanswered";
}

std::string newlines(std::size_t count) { return std::string(count, '\n'); }

TEST_F(ConnectionTest, TakesAMessageOfTheMostLines) {
  start();
  producer client{*this};
  client.send(newlines(message_lines_max - 1) + "1,2,3,a");
  settle();
  EXPECT_TRUE(client.peer.closed.empty());
  ASSERT_EQ(client.peer.answers.size(), 1U);
  EXPECT_TRUE(client.peer.answers[0].ends_with("\nOK"));
}

TEST_F(ConnectionTest, ClosesAfterTheAnswersBeforeAMessageOfTooManyLines) {
  start();
  producer client{*this};
  client.send("1,2,3,a", newlines(message_lines_max) + "1,2,4,a", "1,2,5,a");
  settle();
  EXPECT_EQ(client.peer.answers, (producer::texts{"OK"}));
  ASSERT_EQ(client.peer.closed.size(), 1U);
  EXPECT_EQ(client.peer.closed[0].first, net::close_code::policy);
  EXPECT_EQ(client.peer.closed[0].second, "a message may have at most 4096 lines");
  EXPECT_EQ(client.upstream->unanswered(), 0U);
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{3})) << "none of its lines is taken";
}

TEST_F(ConnectionTest, TellsHowManyLinesItTook) {
  start();
  producer client{*this};
  const std::vector<std::string_view> messages{"1,2,3,a", "", "\n", "1,2,4,a\n\n1,2,5,a"};
  EXPECT_EQ(client.upstream->on_messages(messages), 6U);
  settle();
}

TEST_F(ConnectionTest, FlushesOnceForTheAnswersOfSeveralCalls) {
  start();
  producer client{*this};
  client.send("bad");
  client.send("bad");
  settle();
  EXPECT_EQ(client.peer.answers.size(), 2U);
  EXPECT_EQ(client.peer.flushes, 1U);
  client.send("bad");
  settle();
  EXPECT_EQ(client.peer.flushes, 2U);
}

TEST_F(ConnectionTest, NamesAByteOrderMark) {
  start();
  producer client{*this};
  client.send("\xef\xbb\xbf"
              "1,2,3,a\n1,2,4,a\n\xef\xbb\xbf");
  settle();
  const std::string named = "ERR x begins with a byte order mark";
  EXPECT_EQ(client.peer.answers, (producer::texts{named + "\nOK\n" + named}));
}

TEST_F(ConnectionTest, KeepsNoMemoryOfAMessageThatIsAnswered) {
  start();
  producer client{*this};
  client.send("x");
  const auto before = heap_now().live_bytes;
  client.send(newlines(message_lines_max));
  client.peer.answers = {};
  client.peer.ok_runs = {};
  EXPECT_LT(heap_now().live_bytes, before + 4096);
}

TEST_F(ConnectionTest, WaitsWhileTheCreditIsClosedAndIsToldWhenItOpens) {
  options.memory_bytes_max = sizeof(track_row);
  start();
  producer client{*this};
  client.send("1,2,1,a", "1,2,2,a");
  settle();
  EXPECT_FALSE(client.upstream->may_read());
  const auto flushes = client.peer.flushes;
  live(1'000, 10);
  EXPECT_GT(client.peer.flushes, flushes);
  EXPECT_TRUE(client.upstream->may_read());
}

TEST_F(ConnectionTest, TellsNobodyOnceTheSessionIsGone) {
  start();
  producer client{*this};
  client.send("1,2,3,a");
  run_io();
  client.upstream.reset();
  settle();
  EXPECT_TRUE(client.peer.answers.empty());
  EXPECT_EQ(client.peer.flushes, 0U);
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{3})) << "what was read is taken";
}

TEST_F(ConnectionTest, ClosesAfterTheStallLimitAndTakesNoNewOne) {
  options.stall_limit = milliseconds{2'000};
  start();
  producer client{*this};
  database.journal_faults->append.fail_next(1'000, errc::no_space);
  client.send("1,2,3,a");
  live(1'500, 50);
  EXPECT_TRUE(client.peer.closed.empty());
  EXPECT_TRUE(engine().not_ready());
  live(2'500, 50);
  ASSERT_FALSE(client.peer.closed.empty());
  EXPECT_EQ(client.peer.closed[0].first, net::close_code::try_again_later);
  EXPECT_EQ(client.peer.closed[0].second, "the store is away");
  EXPECT_TRUE(client.peer.answers.empty());
  EXPECT_EQ(client.upstream->unanswered(), 0U);
  recording_peer other;
  EXPECT_EQ(engine().upstreams().open(other, io(), net::anonymous()).error().text,
            "the store is away");
  database.journal_faults->append.fail_next(0, errc::no_space);
  live(1'500, 50);
  EXPECT_NE(connect(other), nullptr);
}

TEST_F(ConnectionTest, AReplayLongerThanTheStallLimitIsAStart) {
  options.stall_limit = milliseconds{2'000};
  boot();
  pass(2'000);
  recording_peer peer;
  EXPECT_EQ(engine().upstreams().open(peer, io(), net::anonymous()).error().text,
            "the server is starting");
  recover();
  settle();
  EXPECT_NE(connect(peer), nullptr);
}

class entrance_test : public engine_test {
protected:
  [[nodiscard]] std::string refusal() {
    return door_.open(peer_, io(), net::anonymous()).error().text;
  }
  pending_engine door_;
  recording_peer peer_;
};
using EntranceTest = entrance_test;

TEST_F(EntranceTest, SaysWhyThereIsNoEngineYet) {
  start();
  EXPECT_EQ(refusal(), "the server is starting");
  EXPECT_EQ(door_.not_ready(), "starting");
  door_.wait_for("127.0.0.1:3306: refused");
  EXPECT_EQ(refusal(), "the store is away");
  EXPECT_EQ(door_.not_ready(), "127.0.0.1:3306: refused");
  door_.open(engine());
  EXPECT_TRUE(door_.open(peer_, io(), net::anonymous()));
}

TEST_F(ConnectionTest, RefusesTheFutureOnArrivalOnly) {
  options.future_limit = milliseconds{1'000};
  start();
  {
    producer client{*this};
    const auto limit = std::to_string(time.wall_clock + 1'000);
    const auto beyond = std::to_string(time.wall_clock + 1'001);
    client.send("1,2," + limit + ",a", "1,2," + beyond + ",a");
    settle();
    EXPECT_EQ(client.peer.answers,
              (producer::texts{"OK", "ERR timestamp is too far ahead of the server's clock"}));
  }
  crash();
  time.wall_clock -= 500'000;
  start();
  EXPECT_EQ(timestamps("a").size(), 1U) << "rule 8: never on replay";
}

TEST_F(IngestTest, CountsVerdictsAndRefusals) {
  options.future_limit = milliseconds{1'000};
  start();
  post({{"a", {1, 2}, 100}});
  settle();
  live(5 * window_ms);
  const auto future = time.wall_clock + 1'001;
  post({{"a", {1, 2}, 101},
        {"a", {1, 2}, 100},
        {"a", {1, 3}, 100},
        {"a", {1, 2}, 50},
        {"a", {1, 2}, future}});
  settle();
  ASSERT_TRUE(outcome_ && *outcome_);
  const auto& counts = **outcome_;
  EXPECT_EQ(counts.accepted, 1U);
  EXPECT_EQ(counts.duplicate, 1U);
  EXPECT_EQ(counts.conflict, 1U);
  EXPECT_EQ(counts.stale, 1U);
  EXPECT_EQ(counts.refused, 1U);
  ASSERT_EQ(counts.refusals.size(), 1U);
  EXPECT_EQ(counts.refusals[0].index, 4U);
}

TEST_F(IngestTest, ListsAHundredRefusalsAndCountsAll) {
  options.future_limit = milliseconds{1'000};
  start();
  post(std::vector<net::ingest_line>(150, {"a", {1, 2}, time.wall_clock + 5'000}));
  settle();
  ASSERT_TRUE(outcome_ && *outcome_);
  EXPECT_EQ((**outcome_).refused, 150U);
  EXPECT_EQ((**outcome_).refusals.size(), 100U);
}

TEST_F(IngestTest, GoesPieceByPieceWithinItsCredit) {
  options.in_flight_max = 2;
  start();
  std::vector<net::ingest_line> lines;
  for (timestamp_ms i = 1; i <= 5; ++i)
    lines.push_back({"a", {1, 2}, i});
  post(lines);
  settle();
  ASSERT_TRUE(outcome_ && *outcome_);
  EXPECT_EQ((**outcome_).accepted, 5U);
  EXPECT_EQ(database.log.shard(0).size(), 3U);
}

TEST_F(IngestTest, TakesALimitedNumberOfEventsInATurn) {
  options.future_limit = milliseconds{1'000};
  start();
  std::vector<net::ingest_line> lines;
  for (timestamp_ms i = 1; i <= 3'000; ++i)
    lines.push_back({"a", {1, 2}, i});
  post(lines);
  EXPECT_EQ(context().lanes[0]->current()->events, 1'024U);
  settle();
  ASSERT_TRUE(outcome_ && *outcome_);
  EXPECT_EQ((**outcome_).accepted, 3'000U);

  outcome_.reset();
  post(std::vector<net::ingest_line>(3'000, {"a", {1, 2}, time.wall_clock + 5'000}));
  EXPECT_FALSE(outcome_) << "refused events are work too";
  settle();
  ASSERT_TRUE(outcome_ && *outcome_);
  EXPECT_EQ((**outcome_).refused, 3'000U);
}

TEST_F(IngestTest, AnEmptyBodyIsAnsweredAtOnce) {
  start();
  post({});
  ASSERT_TRUE(outcome_ && *outcome_);
  EXPECT_EQ((**outcome_).accepted, 0U);
}

TEST_F(IngestTest, GivesUpAfterTheStallLimit) {
  options.stall_limit = milliseconds{2'000};
  start();
  database.journal_faults->append.fail_next(1'000, errc::no_space);
  post({{"a", {1, 2}, 1}});
  live(1'500, 50);
  EXPECT_FALSE(outcome_);
  live(2'500, 50);
  ASSERT_TRUE(outcome_ && !*outcome_);
  EXPECT_EQ(outcome_->error().code, errc::unavailable);
}

TEST_F(InlineUnitTest, ANestedMessageRunsBeforeTheOuterDeliveryReturns) {
  start();
  inline_unit unit{engine().system(), inline_unit::leftover::runs_here};
  std::vector<int> seen;
  caf::actor first;
  caf::actor second;
  const auto bounce = [&](caf::actor& other) {
    return [&](caf::event_based_actor*) -> caf::behavior {
      return {[&](int left) {
        if (left > 0)
          unit.deliver(other, left - 1);
        seen.push_back(left);
      }};
    };
  };
  first = engine().system().spawn<caf::lazy_init + caf::hidden>(bounce(second));
  second = engine().system().spawn<caf::lazy_init + caf::hidden>(bounce(first));
  unit.deliver(first, 2); // the 0 finds `first` running: it waits in the mailbox
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 0}));
  EXPECT_FALSE(coordinator().has_job()) << "nothing goes through the scheduler";
}

} // namespace
} // namespace telemetry::test
