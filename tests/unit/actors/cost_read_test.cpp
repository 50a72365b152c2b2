// What reads cost, counted, as cost_ingest_test.cpp does for ingest. In the test a reader is run by
// whoever asks it, as a shard is.

#include "tests/support/permitted.hpp"
#include "tests/unit/actors/lean_engine.hpp"

#include <array>

namespace telemetry::test {
namespace {

class read_cost_test : public lean_engine {
public:
  static constexpr std::size_t robots = 100;

  // Questions.
  void robot() {
    engine().robot(
        io(), test::permitted("robot-5"),
        [this](result<std::optional<robot_state>> what) { answers_ += what && *what ? 1 : 0; });
  }
  void odometer() {
    engine().odometer(io(), test::permitted("robot-5"), 0, 10,
                      [this](const result<double>& what) { answers_ += what ? 1 : 0; });
  }
  void list() {
    stream_ = engine().robots(io(), *net::anonymous(), "", 1'000);
    stream_->next([this](const result<std::vector<net::named_robot>>& what) {
      answers_ += what && what->size() == robots ? 1 : 0;
    });
  }

protected:
  void SetUp() override {
    lean_engine::SetUp();
    upstream_ = connect(peer_);
    for (std::size_t n = 0; n < robots; ++n)
      send("1,2,1,robot-" + std::to_string(n));
    ask(&read_cost_test::robot); // makes the query actor
  }
  void TearDown() override { upstream_.reset(); }

  void send(const std::string& text) {
    const std::array<std::string_view, 1> read{text};
    upstream_->on_messages(read);
    settle();
  }
  /// Every event is in the store, but the robots are live.
  void store_all() {
    live(2 * window_ms);
    live(2 * window_ms);
    checkpoint();
    ask(&read_cost_test::odometer); // makes what is used again
    store->range_reads = 0;
  }
  /// The robots are not live any more.
  void leave() {
    for (int n = 0; n < 4; ++n)
      live(20'000);
  }
  /// When an answer has to be there.
  enum class within { call, time };
  /// The cost of a question, up to its answer.
  [[nodiscard]] cost ask_one(void (read_cost_test::*question)(), within when = within::time) {
    const auto answers = answers_;
    const auto took = measure([&] {
      (this->*question)();
      if (when == within::call) {
        EXPECT_EQ(answers_, answers + 1);
        EXPECT_FALSE(io().has_task());
      }
      settle();
    });
    EXPECT_EQ(answers_, answers + 1);
    return took;
  }
  void ask(void (read_cost_test::*question)()) { static_cast<void>(ask_one(question)); }

private:
  counting_peer peer_;
  std::unique_ptr<net::upstream> upstream_;
  std::unique_ptr<net::pull_stream<net::named_robot>> stream_;
  std::uint64_t answers_ = 0; ///< that are right
};
using ReadCostTest = read_cost_test;

TEST_F(ReadCostTest, AGetOfALiveRobotAsksNeitherSchedulerNorStore) {
  const auto row_reads = store->row_reads;
  const auto took = ask_one(&read_cost_test::robot);
  EXPECT_EQ(took.jobs, 0U);
  EXPECT_EQ(took.messages, 4U) << "the question, to the shard, to its robot, and back";
  EXPECT_LE(took.allocations, 13U) << "measured: 10";
  EXPECT_LE(took.live_bytes, 0) << "the actor is used again, and holds nothing";
  EXPECT_EQ(store->row_reads, row_reads);
}

TEST_F(ReadCostTest, AnOdometerOfALiveRobotAsksNoScheduler) {
  ask(&read_cost_test::odometer);
  const auto took = ask_one(&read_cost_test::odometer);
  EXPECT_EQ(took.jobs, 0U);
  EXPECT_LE(took.messages, 6U);
  EXPECT_LE(took.allocations, 18U) << "measured: 14";
}

TEST_F(ReadCostTest, AnOdometerOfStoredRowsThatAreCachedStaysOnTheAskersThread) {
  store_all();
  const auto took = ask_one(&read_cost_test::odometer, within::call);
  EXPECT_EQ(took.jobs, 0U) << "nobody else ran";
  EXPECT_EQ(took.messages, 4U) << "as of a live robot: none to a reader";
  EXPECT_LE(took.live_bytes, 0);
  EXPECT_EQ(store->range_reads, 0U);
}

TEST_F(ReadCostTest, AnOdometerOfARobotThatLeftMemoryDoesSoToo) {
  store_all();
  leave();
  const auto row_reads = store->row_reads;
  const auto took = ask_one(&read_cost_test::odometer, within::call);
  EXPECT_EQ(took.jobs, 0U);
  EXPECT_EQ(took.messages, 3U) << "the question, to the shard, and back";
  EXPECT_EQ(store->row_reads, row_reads);
  EXPECT_EQ(store->range_reads, 0U);
  EXPECT_EQ(ask_one(&read_cost_test::robot, within::call).messages, 3U);
}

TEST_F(ReadCostTest, AnOdometerThatIsNotCachedGoesToTheReaderOnce) {
  store_all();
  leave();
  store->is_cached = false;
  const auto row_reads = store->row_reads;
  const auto took = ask_one(&read_cost_test::odometer, within::time);
  EXPECT_EQ(took.messages, 7U) << "two questions to the reader, and its answers";
  EXPECT_EQ(store->row_reads, row_reads + 1);
  EXPECT_EQ(store->range_reads, 1U) << "one read for both ends";
}

TEST_F(ReadCostTest, AListScansTheTableOnce) {
  ask(&read_cost_test::list);
  const auto scans = store->scans;
  const auto took = ask_one(&read_cost_test::list);
  EXPECT_EQ(store->scans, scans + 1);
  EXPECT_EQ(took.jobs, 0U);
  EXPECT_LE(took.messages, 3 + 2 * shards + robots) << "one to each live robot, inline";
}

} // namespace
} // namespace telemetry::test
