// What ingest costs, counted: allocations, messages, runs by the scheduler, calls of the journal.
// Bounds of what may vary stand a quarter above what was measured; numbers that the design gives
// are exact. A win that is undone costs more than that.

#include "core/number.hpp"
#include "tests/unit/actors/lean_engine.hpp"

#include <array>
#include <deque>

namespace telemetry::test {
namespace {

/// 64 connections with 16 events of one line each in flight; they arrive together, as one commit.
class ingest_cost_test : public lean_engine {
protected:
  static constexpr std::size_t connections = 64;
  static constexpr std::size_t in_flight = 16;
  static constexpr std::size_t commit_events = connections * in_flight;
  static constexpr std::uint64_t stretch_commits = 64;

  void SetUp() override {
    lean_engine::SetUp();
    store->keeps = false;
    for (auto& peer : peers_)
      upstreams_.push_back(connect(peer));
  }
  void TearDown() override { upstreams_.clear(); }

  /// What the next read_all() reads: events in order, of so many robots in turn.
  void prepare_reads(std::size_t robots) {
    texts_.clear();
    reads_.assign(connections, {});
    for (std::size_t n = 0; n < commit_events; ++n) {
      auto& text = texts_.emplace_back("1.5,2.5,");
      append_integer(text, next_timestamp_++);
      text.append(",robot-").append(std::to_string(n % robots));
      reads_[n / in_flight].push_back(text);
    }
  }
  /// One read of every connection's socket, up to its answers.
  void read_all() {
    for (std::size_t i = 0; i < connections; ++i)
      upstreams_[i]->on_messages(reads_[i]);
    settle();
  }
  /// The cost of some commits, of what a producer waits for alone.
  [[nodiscard]] cost ingest_stretch(std::size_t robots) {
    cost all;
    for (std::uint64_t n = 0; n < stretch_commits; ++n) {
      prepare_reads(robots);
      all += measure([&] { read_all(); });
    }
    return all;
  }
  /// Everything that grows has grown, and memory holds no rows.
  void warm_up(std::size_t robots) {
    static_cast<void>(ingest_stretch(robots));
    live(2 * window_ms);
    live(2 * window_ms);
    checkpoint();
  }
  [[nodiscard]] std::uint64_t sum(std::uint64_t counting_peer::*what) const {
    std::uint64_t all = 0;
    for (const auto& peer : peers_)
      all += peer.*what;
    return all;
  }

  std::array<counting_peer, connections> peers_;
  std::vector<std::unique_ptr<net::upstream>> upstreams_;
  timestamp_ms next_timestamp_ = 1;

private:
  std::deque<std::string> texts_;
  std::vector<std::vector<std::string_view>> reads_;
};
using IngestCostTest = ingest_cost_test;

/// Two to the writer; two to each shard, however many robots and connections there are.
constexpr std::uint64_t messages_per_commit = 2 + 2 * lean_engine::shards;
constexpr std::uint64_t jobs_per_commit = 2; // the writer's
/// After a pause each shard tells the writer that it holds something unsealed again.
constexpr std::uint64_t after_pause = lean_engine::shards;

TEST_F(IngestCostTest, ACommitOfAThousandEventsAllocatesAHundredTimes) {
  warm_up(64);
  EXPECT_LE(ingest_stretch(64).allocations, stretch_commits * 125) << "measured: 100.2 each";
}

TEST_F(IngestCostTest, EventsOfAsManyRobotsAllocateOnlyWhereTheirRowsGrow) {
  warm_up(1'024);
  EXPECT_LE(ingest_stretch(1'024).allocations, stretch_commits * 268) << "measured: 214.2 each";
}

TEST_F(IngestCostTest, RobotsAndConnectionsGetNoMessages) {
  for (const std::size_t robots : {64, 1'024}) {
    warm_up(robots);
    EXPECT_EQ(ingest_stretch(robots).messages, stretch_commits * messages_per_commit + after_pause)
        << robots;
  }
}

TEST_F(IngestCostTest, ASmallCommitIsAppliedOnTheWritersThread) {
  warm_up(64);
  EXPECT_EQ(ingest_stretch(64).jobs, stretch_commits * jobs_per_commit + after_pause);
}

TEST_F(IngestCostTest, ACommitIsOneAppendAndOneWritePerConnection) {
  warm_up(64);
  const auto oks = sum(&counting_peer::oks);
  const auto flushes = sum(&counting_peer::flushes);
  EXPECT_EQ(ingest_stretch(64).appends, stretch_commits);
  EXPECT_EQ(sum(&counting_peer::oks) - oks, stretch_commits * commit_events);
  EXPECT_EQ(sum(&counting_peer::flushes) - flushes, stretch_commits * connections);
  EXPECT_EQ(sum(&counting_peer::others), 0U);
}

TEST_F(IngestCostTest, AnEventAloneTakesFourMessages) {
  warm_up(64);
  cost all;
  for (std::uint64_t n = 0; n < stretch_commits; ++n) {
    const auto text = "1,2," + std::to_string(next_timestamp_++) + ",robot-0";
    const std::array<std::string_view, 1> read{text};
    all += measure([&] {
      upstreams_[0]->on_messages(read);
      settle();
    });
  }
  EXPECT_EQ(all.messages, stretch_commits * 4 + 1) << "the one after the pause";
  EXPECT_EQ(all.jobs, stretch_commits * jobs_per_commit + 1);
  EXPECT_EQ(all.appends, stretch_commits);
  EXPECT_LE(all.allocations, stretch_commits * 52) << "measured: 41.3 each";
}

TEST_F(IngestCostTest, APostedEventCostsNoMessageAndNoAllocationOfItsOwn) {
  constexpr std::size_t posted = 1'000;
  warm_up(64);
  cost took;
  for (int n = 0; n < 3; ++n) { // the last one finds its room made
    std::vector<net::ingest_line> lines;
    for (std::size_t i = 0; i < posted; ++i)
      lines.push_back({"robot-5", {1, 2}, next_timestamp_++});
    std::uint64_t accepted = 0;
    took = measure([&] {
      engine().ingest(io(), net::anonymous(), std::move(lines),
                      [&](result<net::ingest_outcome> what) { accepted = what->accepted; });
      settle();
    });
    EXPECT_EQ(accepted, posted);
  }
  EXPECT_EQ(took.messages, 5U) << "one to the ingest itself";
  EXPECT_EQ(took.jobs, jobs_per_commit);
  EXPECT_EQ(took.appends, 1U);
  EXPECT_LE(took.allocations, 80U) << "measured: 63";
}

TEST_F(IngestCostTest, ACheckpointCostsMessagesPerShardAndAllocationsPerRobot) {
  warm_up(1'024);
  static_cast<void>(ingest_stretch(1'024));
  live(2 * window_ms);
  live(2 * window_ms);
  const auto took = measure([&] { checkpoint(); });
  EXPECT_EQ(took.messages, 2 + 3 * shards);
  EXPECT_LE(took.allocations, 1'475U) << "measured: 1,177 for 1,024 robots and 65,536 rows";
  EXPECT_LT(took.live_bytes, -static_cast<std::int64_t>(stretch_commits * commit_events * 48))
      << "rows have left memory";
}

} // namespace
} // namespace telemetry::test
