// Reads: memory first, then the store, merged (rules 29 and 30).

#include "tests/support/permitted.hpp"
#include "tests/support/producer.hpp"

namespace telemetry::test {
namespace {

class query_test : public engine_test {
protected:
  /// Two events of a in the store, two in memory.
  void half_stored(producer& client) {
    client.send("0,0,1,a", "3,4,2,a");
    live(5 * window_ms);
    checkpoint();
    client.send("3,5,4,a", "0,5,3,a");
    settle();
  }
  const naive_robot& oracle() { return database.log.robots().at("a"); }
  std::vector<std::string> names(const std::string& after, std::size_t limit) {
    std::vector<std::string> out;
    const auto listed = robots(after, limit);
    for (const auto& one : *listed)
      out.push_back(one.name);
    return out;
  }
};
using QueryTest = query_test;

TEST_F(QueryTest, EventsComeFromStoreAndMemory) {
  start();
  producer client{*this};
  half_stored(client);
  EXPECT_EQ(*events("a"), oracle().rows(0, timestamp_max));
  EXPECT_EQ(*events("a", 2, 3), oracle().rows(2, 3));
  EXPECT_EQ(events("a", 0, timestamp_max, 3)->size(), 3U);
  EXPECT_EQ(events("a", 4, 4)->size(), 1U);
  EXPECT_TRUE(events("a", 5, 9)->empty());
}

TEST_F(QueryTest, RangeOdometerIsTheDifferenceOfTwoRunningValues) {
  start();
  producer client{*this};
  half_stored(client);
  for (timestamp_ms from = 0; from <= 5; ++from)
    for (timestamp_ms to = from; to <= 5; ++to) {
      const auto rows = oracle().rows(from, to);
      const auto expected = rows.empty() ? 0.0 : rows.back().odometer - rows.front().odometer;
      EXPECT_EQ(*odometer("a", from, to), expected) << from << " to " << to;
    }
}

// What a question may do depends on whose thread it runs on: where it was asked it reads what is
// cached and answers; elsewhere it asks the reader, and posts.
TEST_F(QueryTest, ACachedReadIsAnsweredInTheCallUnlessItsShardIsBusy) {
  start();
  producer client{*this};
  half_stored(client);
  auto& faults = *database.store_faults;
  faults.is_cached = true;
  const auto expected = oracle().rows(1, 3);
  const auto length = expected.back().odometer - expected.front().odometer;
  std::optional<result<double>> got;
  const auto ask = [&] {
    got.reset();
    engine().odometer(io(), test::permitted("a"), 1, 3,
                      [&](const result<double>& what) { got = what; });
  };
  const auto reads = faults.reads.calls();
  ask();
  ASSERT_TRUE(got);
  EXPECT_EQ(**got, length);
  EXPECT_EQ(faults.reads.calls(), reads);

  for (const auto& shard : context().places.all())
    caf::anon_send(shard, passivate_atom_v);
  ask();
  EXPECT_FALSE(got);
  while (run_actor()) {
  }
  EXPECT_FALSE(got) << "answered on another's thread";
  EXPECT_GT(faults.reads.calls(), reads) << "read on a thread that nobody stops for the store";
  settle();
  ASSERT_TRUE(got);
  EXPECT_EQ(**got, length);
}

TEST_F(QueryTest, AnAnswerWithinTheCallMayAskTheNextQuestion) {
  start();
  producer client{*this};
  half_stored(client);
  database.store_faults->is_cached = true;
  std::vector<double> answers;
  std::function<void(const result<double>&)> ask_on = [&](const result<double>& what) {
    answers.push_back(*what);
    if (answers.size() < 100)
      engine().odometer(io(), test::permitted("a"), 0, timestamp_max, ask_on);
  };
  engine().odometer(io(), test::permitted("a"), 0, timestamp_max, ask_on);
  EXPECT_EQ(answers, std::vector<double>(100, oracle().state(timestamp_max).odometer));
}

TEST_F(QueryTest, StateIsTheLatestOneOfMemoryOrRow) {
  start();
  producer client{*this};
  half_stored(client);
  EXPECT_EQ(*robot("a"), std::optional{oracle().state(timestamp_max)});
  live(5 * window_ms);
  checkpoint();
  client.upstream.reset();
  restart();
  EXPECT_EQ(*robot("a"), std::optional{oracle().state(timestamp_max)});
}

TEST_F(QueryTest, AnUnknownRobotHasNothing) {
  start();
  EXPECT_EQ(*robot("a"), std::nullopt);
  EXPECT_TRUE(events("a")->empty());
  EXPECT_EQ(*odometer("a", 0, timestamp_max), 0.0);
  EXPECT_TRUE(robots()->empty());
}

TEST_F(QueryTest, AStoreThatIsAwayIsSaidSo) {
  start();
  database.store_faults->robots.fail_next(1, errc::unavailable);
  EXPECT_EQ(robot("a").error().code, errc::unavailable);
  database.store_faults->reads.fail_next(1, errc::unavailable);
  EXPECT_EQ(robots().error().code, errc::unavailable);
}

// The reader never runs here: it is at another's question, to a store that does not answer.
TEST_F(QueryTest, AReadWithoutAnAnswerBlamesTheStoreOnlyIfThatIsSilent) {
  start();
  const auto ask = [this] {
    for (const auto& reader : context().readers)
      caf::anon_send(reader, list_atom_v, std::string{}, std::string{}, std::uint64_t{0});
    std::optional<result<std::optional<robot_state>>> got;
    engine().robot(io(), test::permitted("a"),
                   [&](result<std::optional<robot_state>> what) { got = what; });
    EXPECT_FALSE(run_io() || got); // it has asked the reader, and waits
    pass(options.query_timeout.count());
    run(context().deadlines.timer());
    settle();
    return got ? got->error() : failure{errc::malformed, "answered nothing"};
  };
  EXPECT_EQ(ask().code, errc::timeout);
  database.store_faults->silence = std::chrono::milliseconds{2'000};
  const auto silent = ask();
  EXPECT_EQ(silent.code, errc::unavailable);
  EXPECT_EQ(silent.text, "the store has not answered for 2 s");
}

TEST_F(QueryTest, ListSeesNamesThatTheTableDoesNotHave) {
  start();
  producer client{*this};
  half_stored(client);
  client.send("0,0,1,c", "0,0,1,b");
  settle();
  EXPECT_EQ(names("", SIZE_MAX), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(names("", 2), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(names("a", 2), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(names("c", 2), (std::vector<std::string>{}));
  EXPECT_EQ(robots()->front().state, oracle().state(timestamp_max)) << "of two states the newer";
}

// A robot stored between the list's first reading and its shard's answer came with its row alone,
// without the events that memory holds above it.
TEST_F(QueryTest, ListSeesMemoryAboveARowThatJustAppeared) {
  start();
  producer client{*this};
  client.send("0,0,1,a");
  settle();
  pass(window_ms);
  client.send("3,4,2,a"); // seals the first
  settle();
  database.store_faults->reads.after_next([&] { // the query has read the table
    ask_checkpoint();
    while (run(context().checkpointer) || run(context().places.at(0)) || run(context().writer)) {
    }
    ASSERT_EQ(database.tables->robots.count("a"), 1U);
  });
  const auto stream = engine().robots(io(), *net::anonymous(), "", SIZE_MAX);
  std::vector<net::named_robot> listed;
  stream->next([&](const result<std::vector<net::named_robot>>& got) { listed = *got; });
  settle();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed.front().state, oracle().state(timestamp_max));
}

TEST_F(QueryTest, AListHasTheRangesOfItsCallerOnly) {
  start();
  producer client{*this};
  for (const std::string name : {"a", "b/1", "b/3", "c", "d1", "e"})
    client.send("0,0,1," + name);
  settle();
  pass(window_ms);
  checkpoint();
  for (const std::string name : {"a/", "b/2", "b0", "b/", "d", "d2", "f"})
    client.send("0,0,1," + name); // in memory only
  settle();
  const auto list = [this](std::vector<std::string> prefixes, const std::string& after,
                           std::size_t limit) {
    const net::caller who{"a test", {net::scope::read}, name_filter(std::move(prefixes))};
    std::vector<std::string> names;
    const auto listed = robots(after, limit, who);
    for (const auto& one : *listed)
      names.push_back(one.name);
    return names;
  };
  using strings = std::vector<std::string>;
  EXPECT_EQ(list({"b/", "d"}, "", SIZE_MAX), (strings{"b/", "b/1", "b/2", "b/3", "d", "d1", "d2"}));
  EXPECT_EQ(list({"b/", "d"}, "b/2", 3), (strings{"b/3", "d", "d1"}));
  EXPECT_EQ(list({"d", "b/"}, "d1", SIZE_MAX), strings{"d2"});
  EXPECT_EQ(list({"b/", "d"}, "e", SIZE_MAX), strings{});
  EXPECT_EQ(list({"x", "b/"}, "", 2), (strings{"b/", "b/1"}));
  EXPECT_EQ(list({"x", "y", "f"}, "", SIZE_MAX), strings{"f"}) << "empty ranges end no list";
}

TEST_F(QueryTest, AReadAfterAnOkSeesTheEvent) {
  start();
  producer client{*this};
  bool seen = false;
  client.peer.on_answer = [&](const std::string&) { seen = true; };
  client.send("0,0,1,a");
  while (!seen)
    ASSERT_TRUE(run_actor() || run_io());
  EXPECT_EQ(timestamps("a"), (std::vector<timestamp_ms>{1}));
}

} // namespace
} // namespace telemetry::test
