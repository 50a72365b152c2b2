// What only the journal in Redis can suffer, as long as Redis keeps its promises.
#include "tests/contract/redis_fixture.hpp"

#include <atomic>
#include <csignal>
#include <thread>

namespace telemetry::test {
namespace {

using testing::ElementsAre;

class RedisJournalTest : public shared_redis_test {};
class RedisJournalOutageTest : public own_redis_test {
protected:
  pid_t server_pid() {
    const std::string info = cli({"INFO", "server"});
    return std::stoi(info.substr(info.find("process_id:") + 11));
  }
};

TEST_F(RedisJournalTest, FencesWhoHasBeenReplaced) {
  const auto first = must_open(options_);
  ASSERT_TRUE(append(*first, 0, 1));
  const auto second = must_open(options_);
  EXPECT_TRUE(fails_with(append(*first, 0, 2), errc::fenced, "another telemetryd"));
  EXPECT_TRUE(fails_with(first->continue_from(markers_at(9)), errc::fenced, "another telemetryd"));
  EXPECT_THAT(numbers(*second, 0), ElementsAre(1));
  EXPECT_TRUE(append(*second, 0, 2));
}

TEST_F(RedisJournalTest, AppendsAllShardsOrNone) {
  const auto log = must_open(options_);
  const std::array<std::string_view, 1> payload{"p"};
  const std::array batches{journal_batch{0, 1, {1, 0, 0, 0}, record_kind::events, payload},
                           journal_batch{1, 1, {7, 0, 0, 0}, record_kind::events, payload}};
  EXPECT_TRUE(fails_with(log->append(batches), errc::corrupt, "shard 1 ends at batch 0"));
  EXPECT_EQ(log->last_batch(0).value(), 0U);
  EXPECT_EQ(client_({"EXISTS", key("journal:0")}), "0");
}

TEST_F(RedisJournalTest, RefusesOtherContentUnderANumberThatIsTaken) {
  const auto log = must_open(options_);
  ASSERT_TRUE(append(*log, 0, 1, "one"));
  EXPECT_TRUE(fails_with(append(*log, 0, 1, "two"), errc::corrupt, "batch 1 of shard 0"));
  EXPECT_THAT(replayed(*log, 0), ElementsAre(numbered_payload{1, "one"}));
}

TEST_F(RedisJournalTest, LoadsItsScriptAgainAfterScriptFlush) {
  const auto log = must_open(options_);
  ASSERT_EQ(client_({"SCRIPT", "FLUSH"}), "OK");
  EXPECT_TRUE(append(*log, 0, 1));
  EXPECT_THAT(numbers(*log, 0), ElementsAre(1));
}

TEST_F(RedisJournalTest, KeepsEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i)
    bytes += static_cast<char>(i);
  bytes += "\r\n$3\r\n*1\r\n";
  const auto log = must_open(options_);
  ASSERT_TRUE(append(*log, 0, 1, bytes));
  EXPECT_THAT(replayed(*log, 0), ElementsAre(numbered_payload{1, bytes}));
}

TEST_F(RedisJournalTest, TakesABatchOfSixteenMegabytes) {
  std::string bytes(16u << 20, 'a');
  for (std::size_t i = 0; i < bytes.size(); i += 997)
    bytes[i] = static_cast<char>(i);
  const auto log = must_open(options_);
  ASSERT_TRUE(append(*log, 0, 1, bytes));
  const auto seen = replayed(*log, 0);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_TRUE(seen[0].second == bytes); // no 16 MB in a message
}

TEST_F(RedisJournalTest, IsReadableWithRedisCli) {
  const auto log = must_open(options_);
  ASSERT_TRUE(append(*log, 2, 1, "lines"));
  EXPECT_EQ(client_({"XRANGE", key("journal:2"), "-", "+"}),
            "1-0\nepoch\n1\narrival\n10\nhorizon\n-990\nwall\n20\nkind\n1\npayload\nlines");
  EXPECT_EQ(client_({"HGET", key("heads"), "2"}), "1");
}

TEST_F(RedisJournalTest, FreesWhatIsTrimmed) {
  const auto log = must_open(options_);
  append_upto(*log, 0, 5);
  ASSERT_TRUE(log->trim(0, 3));
  EXPECT_EQ(log->last_batch(0).value(), 5U); // takes the answer to the trim, too
  EXPECT_EQ(client_({"XLEN", key("journal:0")}), "2");
}

TEST_F(RedisJournalTest, ReportsAFailedTrimAtTheNextOne) {
  const auto log = must_open(options_);
  append_upto(*log, 0, 2);
  client_({"SET", key("journal:1"), "no stream"});
  EXPECT_TRUE(log->trim(1, 1));
  EXPECT_TRUE(log->last_batch(0)); // the answer of another call is not touched
  EXPECT_TRUE(fails_with(log->trim(0, 1), errc::corrupt, "WRONGTYPE"));
  EXPECT_TRUE(log->trim(0, 2)); // told once
}

TEST_F(RedisJournalTest, NamesADamagedEntry) {
  const auto log = must_open(options_);
  ASSERT_TRUE(append(*log, 0, 1));
  client_({"XADD", key("journal:0"), "2-0", "epoch", "1"});
  const auto outcome =
      log->replay(0, 0, [](const journal_batch&) -> result<void> { return result<void>{}; });
  EXPECT_TRUE(fails_with(outcome, errc::corrupt, "journal entry 2 of shard 0"));
}

TEST_F(RedisJournalTest, RefusesAnotherStoresJournal) {
  EXPECT_TRUE(must_open(options_)->is_new());
  EXPECT_FALSE(must_open(options_)->is_new());
  EXPECT_TRUE(fails_with(redis::redis_journal::open(options_, redis_shards, "another"),
                         errc::version, "store a store"));
  EXPECT_TRUE(fails_with(redis::redis_journal::open(options_, redis_shards + 1, "a store"),
                         errc::version, "3 shards"));
  client_({"HSET", key("meta"), "format", "2"});
  EXPECT_TRUE(fails_with(open_redis(options_), errc::version, "format 2"));
}

TEST_F(RedisJournalTest, GoesOnAboveTheMarkersOfAnotherJournal) {
  const auto log = must_open(options_);
  ASSERT_TRUE(log->continue_from(markers_at(40)));
  ASSERT_TRUE(log->continue_from(markers_at(30))); // never back
  EXPECT_EQ(log->last_batch(0).value(), 40U);
  EXPECT_TRUE(append(*log, 0, 41));
  EXPECT_EQ(log->check_against(markers_at(40)).value(), "");
}

// Unknown outcome: what was sent before the connection broke may have been written, or not.

TEST_F(RedisJournalOutageTest, AppendsAgainWhatWasWrittenBeforeTheConnectionBroke) {
  const auto log = must_open(options_);
  ASSERT_TRUE(append(*log, 0, 1));
  cli({"CLIENT", "KILL", "TYPE", "normal"});
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::unavailable, "connection lost"));
  EXPECT_TRUE(append(*log, 0, 1));
  EXPECT_TRUE(append(*log, 0, 2));
  EXPECT_THAT(numbers(*log, 0), ElementsAre(1, 2));
}

TEST_F(RedisJournalOutageTest, AppendsAgainWhatWasNotWrittenBeforeTheConnectionBroke) {
  const auto log = must_open(options_);
  cli({"CLIENT", "KILL", "TYPE", "normal"});
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::unavailable, "connection lost"));
  EXPECT_TRUE(append(*log, 0, 1));
  EXPECT_THAT(numbers(*log, 0), ElementsAre(1));
}

TEST_F(RedisJournalOutageTest, HoldsEachBatchOnceWhenConnectionsBreakAtAnyMoment) {
  constexpr std::uint64_t batches = 200;
  const auto log = must_open(options_);
  std::atomic<std::uint64_t> appended = 0;
  std::atomic<std::uint64_t> killed_at = 0; // the value of `appended`
  std::thread killer([&] {
    redis_options plain;
    plain.socket = options_.socket;
    redis_client client(plain);
    for (std::uint64_t seen = 0; seen < batches;) { // once each, or nothing would ever succeed
      appended.wait(seen);
      seen = appended;
      client({"CLIENT", "KILL", "TYPE", "normal"});
      killed_at = seen;
      killed_at.notify_one();
    }
  });
  std::size_t broken = 0;
  while (appended < batches) {
    const std::uint64_t batch_no = appended + 1;
    const auto outcome = append(*log, 0, batch_no, "p" + std::to_string(batch_no));
    EXPECT_TRUE(outcome || outcome.error().code == errc::unavailable) << outcome.error().text;
    if (!outcome) {
      ++broken;
      continue;
    }
    appended = batch_no;
    appended.notify_one();
    for (std::uint64_t last = killed_at; last + 20 < batch_no; last = killed_at)
      killed_at.wait(last);
  }
  killer.join();
  EXPECT_GT(broken, 0U);
  std::vector<numbered_payload> expected;
  for (std::uint64_t batch_no = 1; batch_no <= batches; ++batch_no)
    expected.emplace_back(batch_no, "p" + std::to_string(batch_no));
  EXPECT_EQ(replayed(*must_open(options_), 0), expected);
}

/// One commit over two shards.
result<void> append_two(journal& to, std::uint64_t batch_no) {
  const std::array<std::string_view, 1> payload{"payload"};
  const std::array batches{journal_batch{0, 1, {batch_no, 0, 0, 0}, record_kind::events, payload},
                           journal_batch{1, 1, {batch_no, 0, 0, 0}, record_kind::events, payload}};
  return to.append(batches);
}

TEST_F(RedisJournalOutageTest, HoldsEachCommitOnceWhenTheServerIsKilled) {
  const auto log = must_open(options_);
  std::uint64_t batch_no = 1;
  for (std::uint64_t cycle = 1; cycle <= 5; ++cycle) {
    std::atomic<std::uint64_t> appended = batch_no;
    std::thread killer([&, server = server_pid(), from = batch_no] {
      for (std::uint64_t now = appended; now < from + 7 * cycle; now = appended)
        appended.wait(now);
      kill(server, SIGKILL);
    });
    while (append_two(*log, batch_no)) {
      appended = ++batch_no;
      appended.notify_one();
    }
    killer.join();
    stop();
    start();
    while (!append_two(*log, batch_no)) { // what was under way may be there already
    }
    ++batch_no;
  }
  std::vector<std::uint64_t> expected;
  for (std::uint64_t one = 1; one < batch_no; ++one)
    expected.push_back(one);
  const auto reopened = must_open(options_);
  EXPECT_EQ(reopened->check_against(markers_at(0)).value(), "");
  EXPECT_EQ(numbers(*reopened, 0), expected);
  EXPECT_EQ(numbers(*reopened, 1), expected);
}

TEST_F(RedisJournalOutageTest, HoldsABatchOnceThatAFrozenServerTakesLate) {
  options_.read_timeout = options_.connect_timeout = std::chrono::milliseconds(100);
  const auto log = must_open(options_);
  const pid_t server = server_pid();
  kill(server, SIGSTOP);
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::unavailable, "no answer in time"));
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::unavailable, "")); // connecting hangs, too
  kill(server, SIGCONT);
  while (!append(*log, 0, 1)) {
  }
  EXPECT_TRUE(append(*log, 0, 2));
  EXPECT_THAT(numbers(*log, 0), ElementsAre(1, 2));
}

TEST_F(RedisJournalOutageTest, GoesOnAfterARestart) {
  const auto log = must_open(options_);
  ASSERT_TRUE(append(*log, 0, 1));
  stop();
  EXPECT_TRUE(fails_with(append(*log, 0, 2), errc::unavailable, ""));
  EXPECT_TRUE(fails_with(append(*log, 0, 2), errc::unavailable, "No such file"));
  EXPECT_TRUE(fails_with(log->last_batch(0), errc::unavailable, "No such file"));
  start();
  EXPECT_TRUE(append(*log, 0, 2));
  EXPECT_THAT(numbers(*log, 0), ElementsAre(1, 2));
}

TEST_F(RedisJournalOutageTest, WaitsWhileTheServerHasNoMemory) {
  const auto log = must_open(options_);
  cli({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::unavailable, "OOM"));
  cli({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_TRUE(append(*log, 0, 1));
}

TEST_F(RedisJournalOutageTest, CallsAFullDiskByItsName) {
  const auto log = must_open(options_);
  // A dump that cannot be put in place, because a directory is there.
  std::filesystem::create_directory(directory_.path() / "server" / "dump.rdb");
  cli({"CONFIG", "SET", "save", "900 1"});
  cli({"BGSAVE"});
  while (cli({"INFO", "persistence"}).find("rdb_last_bgsave_status:err") == std::string::npos) {
  }
  EXPECT_TRUE(fails_with(append(*log, 0, 1), errc::no_space, "MISCONF"));
  cli({"CONFIG", "SET", "stop-writes-on-bgsave-error", "no"});
  cli({"CONFIG", "SET", "save", ""}); // or it would not end without a dump
  EXPECT_TRUE(append(*log, 0, 1));
}

} // namespace
} // namespace telemetry::test
