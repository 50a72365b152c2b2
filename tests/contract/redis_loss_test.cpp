// A Redis that lost what it had acknowledged: noticed while running and at start, and how an
// operator goes on.
#include "tests/contract/redis_fixture.hpp"

namespace telemetry::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// The command behind "redis-cli -n 0 " in a refusal.
std::string code_in(const std::string& refusal) {
  const std::string before = "accept_loss ";
  const auto at = refusal.find(before);
  return at == std::string::npos ? "no code" : refusal.substr(at + before.size(), 16);
}

class RedisLossTest : public shared_redis_test {
protected:
  /// Six batches in shard 0; the store is at `cut`; then `damage`; the answer at the next start.
  result<std::string> start_after(std::uint64_t cut,
                                  std::initializer_list<std::string_view> damage) {
    append_upto(*must_open(options_), 0, 6);
    client_(damage);
    return must_open(options_)->check_against(markers_at(cut));
  }
  void accept(const result<std::string>& refusal) {
    ASSERT_FALSE(refusal);
    client_({"HSET", key("meta"), "accept_loss", code_in(refusal.error().text)});
  }
};
class RedisOldStateTest : public own_redis_test {};

TEST_F(RedisLossTest, EndsAppendsWhenTheOwnerIsGone) {
  const auto log = must_open(options_);
  client_({"DEL", key("owner")});
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::corrupt, "has lost acknowledged parts"));
}

TEST_F(RedisLossTest, EndsAppendsWhenTheOwnerIsAnEarlierOne) {
  const auto log = must_open(options_);
  const std::string before = client_({"GET", key("owner")});
  const auto later = must_open(options_);
  client_({"SET", key("owner"), before});
  EXPECT_TRUE(fails_with(append(*later, 0, 1), errc::corrupt, "an earlier start"));
}

TEST_F(RedisLossTest, EndsAppendsWhenAShardHasGoneBack) {
  const auto log = must_open(options_);
  append_upto(*log, 0, 3);
  client_({"HSET", key("heads"), "0", "2"});
  EXPECT_TRUE(fails_with(append(*log, 0, 4), errc::corrupt, "shard 0 ends at batch 2"));
}

TEST_F(RedisLossTest, EndsAppendsWhenTheHeadsAreGone) {
  const auto log = must_open(options_);
  client_({"DEL", key("heads")});
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::corrupt, "the end of shard 0 is gone"));
  EXPECT_TRUE(fails_with(log->last_batch(0), errc::corrupt, "the end of shard 0 is gone"));
}

TEST_F(RedisLossTest, FindsNothingWrongWithAWholeJournal) {
  append_upto(*must_open(options_), 0, 6);
  const auto log = must_open(options_);
  for (const std::uint64_t cut : {0U, 3U, 6U})
    EXPECT_EQ(log->check_against(markers_at(cut)).value(), "");
  ASSERT_TRUE(log->trim(0, 3));
  EXPECT_EQ(log->check_against(markers_at(3)).value(), "");
  EXPECT_EQ(log->check_against(markers_at(5)).value(), ""); // the trim was lost
  EXPECT_TRUE(fails_with(log->check_against(markers_at(1)), errc::corrupt,
                         "shard 0: batches 2 to 3 are missing"));
}

TEST_F(RedisLossTest, RefusesToStartWithoutAStreamThatIsNotInTheStore) {
  EXPECT_TRUE(fails_with(start_after(2, {"DEL", key("journal:0")}), errc::corrupt,
                         "shard 0: batches 3 to 6 are missing"));
}

TEST_F(RedisLossTest, StartsWithoutAStreamThatIsInTheStore) {
  EXPECT_EQ(start_after(6, {"DEL", key("journal:0")}).value(), "");
}

TEST_F(RedisLossTest, RefusesAReplayThatWouldEndTooSoon) {
  append_upto(*must_open(options_), 0, 6);
  client_({"XDEL", key("journal:0"), "6-0"});
  const auto outcome = must_open(options_)->replay(
      0, 0, [](const journal_batch&) -> result<void> { return result<void>{}; });
  EXPECT_TRUE(fails_with(outcome, errc::corrupt, "journal entry 6 of shard 0 is missing"));
}

TEST_F(RedisLossTest, GoesOnAroundAHoleOnceThatIsAccepted) {
  const auto refusal = start_after(1, {"XDEL", key("journal:0"), "4-0"});
  EXPECT_TRUE(fails_with(refusal, errc::corrupt, "shard 0: batch 4 is missing"));
  accept(refusal);
  {
    const auto log = must_open(options_);
    EXPECT_THAT(log->check_against(markers_at(1)).value(), HasSubstr("batch 4 is missing"));
    EXPECT_EQ(client_({"HEXISTS", key("meta"), "accept_loss"}), "0"); // good for once
    EXPECT_THAT(numbers(*log, 0, 1), ElementsAre(2, 3, 5, 6));
    ASSERT_TRUE(append(*log, 0, 7));
  }
  const auto log = must_open(options_);
  EXPECT_EQ(log->check_against(markers_at(1)).value(), ""); // told once
  EXPECT_THAT(numbers(*log, 0, 1), ElementsAre(2, 3, 5, 6, 7));
  EXPECT_THAT(client_({"LRANGE", key("losses"), "0", "-1"}), HasSubstr("batch 4 is missing"));
}

TEST_F(RedisLossTest, TakesNoAcceptanceOfAnotherLoss) {
  accept(start_after(1, {"XDEL", key("journal:0"), "4-0"}));
  client_({"XDEL", key("journal:0"), "5-0"});
  const auto refusal = must_open(options_)->check_against(markers_at(1));
  EXPECT_TRUE(fails_with(refusal, errc::corrupt, "batches 4 to 5 are missing"));
  accept(refusal);
  EXPECT_TRUE(must_open(options_)->check_against(markers_at(1)));
}

TEST_F(RedisLossTest, ReportsALossBehindOneThatWasAccepted) {
  accept(start_after(1, {"XDEL", key("journal:0"), "4-0"}));
  const auto log = must_open(options_);
  ASSERT_TRUE(log->check_against(markers_at(1)));
  ASSERT_TRUE(append(*log, 0, 7));
  ASSERT_TRUE(append(*log, 0, 8));
  client_({"XDEL", key("journal:0"), "7-0"});
  EXPECT_TRUE(fails_with(log->check_against(markers_at(1)), errc::corrupt, "batch 7 is missing"));
}

TEST_F(RedisLossTest, RefusesHeadsWithoutAMeta) {
  append_upto(*must_open(options_), 0, 6);
  client_({"DEL", key("meta")});
  EXPECT_TRUE(fails_with(open_redis(options_), errc::corrupt, "meta is gone"));
  client_({"DEL", key("heads")}); // what the message says
  EXPECT_TRUE(fails_with(must_open(options_)->check_against(markers_at(2)), errc::corrupt,
                         "it goes on to batch 6 behind its end at batch 0"));
}

TEST_F(RedisOldStateTest, NoticesAFlushWhileRunningAndAtStart) {
  const auto log = must_open(options_);
  append_upto(*log, 0, 6);
  ASSERT_EQ(cli({"FLUSHALL"}), "OK");
  EXPECT_TRUE(fails_with(append(*log, 0, 7), errc::corrupt, "has lost acknowledged parts"));

  const auto refused = must_open(options_);
  EXPECT_TRUE(refused->is_new());
  const auto refusal = refused->check_against(markers_at(5));
  EXPECT_TRUE(fails_with(refusal, errc::corrupt,
                         "it ends at batch 0, but the store has everything up to batch 5"));
  cli({"HSET", "t:meta", "accept_loss", code_in(refusal.error().text)});

  const auto next = must_open(options_);
  EXPECT_THAT(next->check_against(markers_at(5)).value(), StartsWith("redis at "));
  EXPECT_EQ(next->last_batch(0).value(), 5U); // rule 7: numbers go on above the store
  EXPECT_TRUE(append(*next, 0, 6));
  EXPECT_THAT(numbers(*next, 0, 5), ElementsAre(6));
}

TEST_F(RedisOldStateTest, NoticesAnOldBackupWhileRunningAndAtStart) {
  const auto data = directory_.path() / "server";
  const auto backup = directory_.path() / "backup";
  const auto log = must_open(options_);
  append_upto(*log, 0, 3);
  stop();
  std::filesystem::copy(data, backup, std::filesystem::copy_options::recursive);
  start();
  while (!append(*log, 0, 4)) { // reconnects
  }
  ASSERT_TRUE(append(*log, 0, 5));
  stop();
  std::filesystem::remove_all(data);
  std::filesystem::rename(backup, data);
  start();

  auto outcome = append(*log, 0, 6);
  if (outcome.error().code == errc::unavailable) // only now the broken connection is noticed
    outcome = append(*log, 0, 6);
  EXPECT_TRUE(fails_with(outcome, errc::corrupt, "shard 0 ends at batch 3"));
  EXPECT_TRUE(fails_with(must_open(options_)->check_against(markers_at(4)), errc::corrupt,
                         "it ends at batch 3, but the store has everything up to batch 4"));
}

} // namespace
} // namespace telemetry::test
