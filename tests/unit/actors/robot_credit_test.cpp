// What live robots take of the node's credit (ADR 0054).

#include "storage/state_cache.hpp"
#include "tests/support/producer.hpp"

#include <gmock/gmock.h>

#include <set>

namespace telemetry::test {
namespace {

using std::chrono::milliseconds;
using testing::Each;

class robot_credit_test : public engine_test {
protected:
  static constexpr std::size_t robots_of_memory = 40;

  robot_credit_test() { options.memory_bytes_max = robots_of_memory * robot_bytes; }

  [[nodiscard]] std::size_t charged(charge what) { return context().credit.bytes(what); }

  /// Has `client` send an event of each of `count` new robots, each as a submission of its own.
  void send_names(producer& client, std::size_t count, const std::string& prefix) {
    for (std::size_t n = 0; n < count; ++n) {
      client.send("0,0,1," + prefix + std::to_string(n));
      run_io();
    }
  }
  /// Time passes until `client` has `answers`, or for 20 s. @returns the most that robots were
  /// charged meanwhile.
  std::size_t live_until(const producer& client, std::size_t answers) {
    std::size_t peak = 0;
    for (int step = 0; step < 4'000 && client.peer.answers.size() < answers; ++step) {
      pass(5);
      do
        peak = std::max(peak, charged(charge::robots));
      while (run_actor() || run_io());
    }
    return peak;
  }
  [[nodiscard]] std::set<std::string> names() {
    std::set<std::string> out;
    const auto listed = robots();
    for (const auto& one : *listed)
      out.insert(one.name);
    return out;
  }
};
using RobotCreditTest = robot_credit_test;

TEST_F(RobotCreditTest, ALiveRobotIsChargedWithItsNameUntilItLeaves) {
  options.robots_idle = milliseconds{20};
  start();
  producer client{*this};
  client.send("0,0,1,ab", "0,0,2,ab");
  settle();
  EXPECT_EQ(charged(charge::robots), robot_bytes + 2);
  EXPECT_EQ(charged(charge::expected), 0U);
  live(5 * window_ms);
  checkpoint();
  live(200);
  EXPECT_EQ(charged(charge::robots), 0U);
}

TEST_F(RobotCreditTest, NewNamesStayWithinMemoryAndLoseNothing) {
  constexpr std::size_t count = 400;
  constexpr std::size_t name_bytes = 8;
  start();
  producer client{*this};
  send_names(client, count, "robot");
  const auto peak = live_until(client, count);
  EXPECT_LE(peak, (robots_of_memory + 1) * (robot_bytes + name_bytes)) << "one submission beyond";
  EXPECT_EQ(client.peer.answers.size(), count);
  EXPECT_THAT(client.peer.answers, Each("OK"));
  EXPECT_EQ(names().size(), count);
  live(1'000);
  EXPECT_LE(charged(charge::robots), options.robots_bytes_max());
  EXPECT_TRUE(client.upstream->may_read());
}

TEST_F(RobotCreditTest, LongNamesLeaveRoomForTheNext) {
  constexpr std::size_t count = 100;
  std::string longest;
  for (int n = 0; n < 147; ++n)
    longest += "\U0001F916"; // four bytes
  start();
  producer client{*this};
  send_names(client, count, longest);
  live_until(client, count);
  EXPECT_EQ(client.peer.answers.size(), count);
  EXPECT_EQ(names().size(), count);
}

TEST_F(RobotCreditTest, ARobotThatCameBackFromTheStoreKeepsItsOdometer) {
  start();
  producer client{*this};
  client.send("0,0,1,a");
  send_names(client, 100, "robot");
  live_until(client, 101);
  const auto loads = database.store_faults->robots.calls();
  client.send("3,4,2,a");
  live_until(client, 102);
  EXPECT_GT(database.store_faults->robots.calls(), loads) << "it had to leave";
  EXPECT_EQ(*odometer("a", 0, timestamp_max), 5.0);
}

TEST_F(RobotCreditTest, AStopCommitsWhatWaitsForRoom) {
  start();
  producer client{*this};
  database.store_faults->commit.fail_next(1'000, errc::unavailable);
  send_names(client, 60, "robot");
  live(500);
  ASSERT_LT(client.peer.answers.size(), 60U) << "memory is full, and nothing leaves it";
  std::optional<bool> stored;
  engine().finish([&](bool all) { stored = all; });
  live(1'000);
  EXPECT_EQ(stored, false);
  EXPECT_EQ(client.peer.answers.size(), 60U);
}

TEST_F(RobotCreditTest, RobotsDoNotCountAsEventsOfACheckpoint) {
  options.memory_bytes_max = std::size_t{1} << 30;
  options.checkpoint_interval = std::chrono::hours{1};
  options.checkpoint_events = 10;
  start();
  producer client{*this};
  const auto before = context().store_version.load();
  send_names(client, 8, "robot");
  live(1'000);
  EXPECT_EQ(context().store_version, before);
  send_names(client, 8, "other");
  client.send("0,0,2,other0");
  live(1'000);
  EXPECT_GT(context().store_version, before);
}

TEST_F(RobotCreditTest, WhatIsReceivedIsChargedUntilItIsApplied) {
  options.inline_events_max = 0; // shards get their work through the scheduler
  start();
  producer client{*this};
  client.send("0,0,1,a");
  EXPECT_EQ(charged(charge::received), 0U);
  run_io();
  EXPECT_GT(charged(charge::received), 0U);
  while (run(context().writer)) {
  }
  ASSERT_EQ(database.log.shard(0).size(), 1U) << "durable";
  EXPECT_GT(charged(charge::received), 0U) << "its shard has not run";
  EXPECT_GT(charged(charge::expected), 0U);
  settle();
  EXPECT_EQ(charged(charge::received), 0U);
  EXPECT_EQ(charged(charge::expected), 0U);
}

TEST_F(RobotCreditTest, RefusalsThatWaitBehindAnEventAreChargedUntilTheirAnswer) {
  options.memory_bytes_max = std::size_t{1} << 30;
  start();
  producer client{*this};
  producer gone{*this};
  database.journal_faults->append.fail_next(1, errc::no_space);
  std::string lines = "0,0,1,a";
  for (int n = 0; n < 4'000; ++n)
    lines += "\nbad";
  client.send(lines);
  gone.send(lines);
  settle();
  EXPECT_GT(charged(charge::received), 2 * 4'000 * sizeof(std::string));
  gone.upstream.reset();
  live(100);
  EXPECT_EQ(client.peer.answers.size(), 1U);
  EXPECT_EQ(charged(charge::received), 0U);
}

TEST_F(RobotCreditTest, ASubmissionEndsWithItsLargestNumberOfEvents) {
  options.memory_bytes_max = std::size_t{1} << 30;
  start();
  producer client{*this};
  std::string lines;
  for (std::size_t n = 0; n < lane::submission_events_max / 2 + 1; ++n)
    lines += "0,0," + std::to_string(n) + ",a\n";
  client.send(lines, lines);
  ASSERT_TRUE(context().lanes[0]->current());
  EXPECT_EQ(context().lanes[0]->current()->events, 2U);
  settle();
  EXPECT_EQ(client.peer.answers.size(), 2U);
}

TEST_F(RobotCreditTest, AsManyRobotsStayAsFit) {
  options.robots_active_max = 1'000;
  EXPECT_EQ(options.robots_kept_max(), robots_of_memory / 4 * 3);
  options.robots_active_max = 7;
  EXPECT_EQ(options.robots_kept_max(), 7U);
}

/// Notes which robots it was given.
class noting_cache final : public state_cache {
public:
  explicit noting_cache(std::set<std::string>& names) : names_(names) {}
  result<void> put(std::span<const named_state> states) override {
    for (const auto& one : states)
      names_.emplace(one.name);
    return {};
  }
  [[nodiscard]] bool needs_rebuild() const noexcept override { return false; }
  result<void> begin_rebuild() override { return {}; }
  result<void> end_rebuild() override { return {}; }

private:
  std::set<std::string>& names_;
};

TEST_F(RobotCreditTest, ACacheThatHangsKeepsNoRobotInMemory) {
  constexpr std::size_t count = 60;
  constexpr std::int64_t hour_ms = 3'600'000;
  std::set<std::string> cached;
  make_cache = [&] { return std::make_unique<noting_cache>(cached); };
  options.cache_interval = milliseconds{hour_ms}; // as long as it hangs
  start();
  producer client{*this};
  send_names(client, count, "robot");
  live_until(client, count);
  EXPECT_EQ(client.peer.answers.size(), count);
  EXPECT_LT(cached.size(), count);
  live(hour_ms + 60'000, 60'000);
  EXPECT_EQ(cached, names()) << "it was built anew";
}

} // namespace
} // namespace telemetry::test
