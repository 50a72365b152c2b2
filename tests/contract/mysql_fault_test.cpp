// Connections that break, and errors, at every statement of an append and of a checkpoint.
#include "tests/contract/mysql_fixture.hpp"

#include <functional>
#include <future>
#include <memory>
#include <thread>

namespace telemetry::test {
namespace {

using kind = statement_fate::kind;

/// Breaks the connection at one statement, counted from 0; the others pass.
struct one_loss {
  std::size_t at;
  kind how;
  std::size_t seen = 0;
  [[nodiscard]] bool happened() const { return seen > at; }
};

mysql_proxy::judge judge_of(const std::shared_ptr<one_loss>& loss) {
  return
      [loss](std::string_view) { return fate(loss->seen++ == loss->at ? loss->how : kind::pass); };
}

/// Counts the statements that begin with `beginning`; the first one has the fate `first`.
mysql_proxy::judge first_one(std::string beginning, statement_fate first,
                             const std::shared_ptr<std::size_t>& count) {
  return [beginning = std::move(beginning), first = std::move(first),
          count](std::string_view statement) {
    if (statement.substr(0, beginning.size()) != beginning)
      return statement_fate();
    return ++*count == 1 ? first : statement_fate();
  };
}

class mysql_fault_test : public mysql_test {
protected:
  void break_first(const std::string& beginning, statement_fate first) {
    *count_ = 0;
    proxy_.set_judge(first_one(beginning, std::move(first), count_));
  }
  /// How many statements began so. Lets everything pass from now on.
  std::size_t seen() {
    proxy_.clear_judge(); // and no thread of the proxy writes any more
    return *count_;
  }
  std::shared_ptr<std::size_t> count_ = std::make_shared<std::size_t>(0);
};
using MysqlFaultTest = mysql_fault_test;

TEST_F(MysqlFaultTest, AppendsOnceWhereverTheConnectionBreaks) {
  const auto opened = open();
  std::vector<std::string> expected;
  const auto next = [&](const std::string& payload) {
    expected.push_back(payload);
    return append(opened->log, 0, expected.size(), payload);
  };
  for (const kind how : {kind::lose_before, kind::lose_after})
    for (std::size_t at = 0;; ++at) {
      ASSERT_TRUE(next("with nothing left to find out"));
      const auto loss = std::make_shared<one_loss>(one_loss{at, how});
      proxy_.set_judge(judge_of(loss));
      const auto outcome = next("broken at " + std::to_string(at));
      proxy_.clear_judge();
      ASSERT_TRUE(outcome) << "at statement " << at << ": " << outcome.error().text;
      if (!loss->happened()) {
        EXPECT_EQ(at, 4U) << "statements of an append";
        break;
      }
    }
  EXPECT_EQ(payloads(opened->log, 0), expected);
  EXPECT_EQ(direct_.ask("SELECT COUNT(*) FROM journal")[0], std::to_string(expected.size()));
}

TEST_F(MysqlFaultTest, FindsOutThatALostCommitHappened) {
  const auto opened = open();
  ASSERT_TRUE(append(opened->log, 0, 1));
  std::size_t inserts = 0;
  proxy_.set_judge([&inserts](std::string_view statement) {
    inserts += statement.starts_with("INSERT INTO journal") ? 1 : 0;
    return fate(statement == "COMMIT" ? kind::lose_after : kind::pass);
  });
  EXPECT_TRUE(append(opened->log, 0, 2));
  proxy_.clear_judge();
  EXPECT_EQ(inserts, 1U);
  EXPECT_EQ(payloads(opened->log, 0).size(), 2U);
}

TEST_F(MysqlFaultTest, FindsOutThatALostCommitDidNotHappen) {
  const auto opened = open();
  ASSERT_TRUE(append(opened->log, 0, 1));
  break_first("COMMIT", fate(kind::lose_before));
  EXPECT_TRUE(append(opened->log, 0, 2));
  EXPECT_EQ(seen(), 2U);
  EXPECT_EQ(payloads(opened->log, 0).size(), 2U);
}

TEST_F(MysqlFaultTest, TakesTheSameBatchAgainWhenTheServerIsBack) {
  const auto opened = open();
  for (const kind how : {kind::lose_before, kind::lose_after}) {
    const std::uint64_t batch_no = opened->log.last_batch(0).value() + 1;
    bool away = false;
    proxy_.set_judge([&away, how](std::string_view statement) {
      if (away)
        return fate(kind::lose_before);
      away = statement == "COMMIT";
      return fate(away ? how : kind::pass);
    });
    const auto outcome = append(opened->log, 0, batch_no);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::unavailable);
    proxy_.clear_judge();
    const auto again = append(opened->log, 0, batch_no);
    EXPECT_TRUE(again) << again.error().text;
    EXPECT_EQ(payloads(opened->log, 0).size(), batch_no);
  }
}

TEST_F(MysqlFaultTest, RepeatsAnAppendAfterADeadlockOrALockWait) {
  const auto opened = open();
  std::uint64_t batch_no = 0;
  for (const int code : {1213, 1205})
    for (const std::string statement : {"UPDATE shards", "INSERT INTO journal", "COMMIT"}) {
      break_first(statement, {kind::refuse, code});
      const auto outcome = append(opened->log, 0, ++batch_no);
      EXPECT_TRUE(outcome) << statement << ": " << outcome.error().text;
      EXPECT_EQ(seen(), 2U) << statement;
    }
  EXPECT_EQ(payloads(opened->log, 0).size(), batch_no);
}

TEST_F(MysqlFaultTest, TellsErrorsOfTheServerApart) {
  const auto opened = open();
  const std::vector<std::pair<int, errc>> expected{
      {1021, errc::no_space},    {1114, errc::no_space}, {1040, errc::unavailable},
      {1317, errc::unavailable}, {1264, errc::corrupt},  {1142, errc::invalid_option}};
  std::uint64_t batch_no = 0;
  for (const auto& [code, meaning] : expected) {
    ++batch_no;
    proxy_.set_judge([code = code](std::string_view statement) -> statement_fate {
      if (statement.starts_with("INSERT"))
        return {kind::refuse, code};
      return {};
    });
    const auto outcome = append(opened->log, 0, batch_no);
    ASSERT_FALSE(outcome) << code;
    EXPECT_EQ(outcome.error().code, meaning) << code << ": " << outcome.error().text;
    proxy_.clear_judge();
    EXPECT_TRUE(append(opened->log, 0, batch_no));
  }
  EXPECT_EQ(payloads(opened->log, 0).size(), batch_no);
}

TEST_F(MysqlFaultTest, ReadsAgainWhenTheConnectionBreaks) {
  const auto opened = open();
  ASSERT_TRUE(opened->store.commit(checkpoint_builder().robot("r", 1, rows_at({10, 20})).get()));
  for (const kind how : {kind::lose_before, kind::lose_after}) {
    break_first("SELECT timestamp", fate(how));
    EXPECT_EQ(opened->store.floor(1, 15).value(), row_at(10));
    EXPECT_EQ(seen(), 2U);
  }
}

TEST_F(MysqlFaultTest, GoesOnAfterTheServerClosedEverySession) {
  const auto opened = open();
  for (std::uint64_t n = 1; n <= 3; ++n) {
    const auto at = static_cast<timestamp_ms>(n);
    direct_.kill_sessions();
    EXPECT_TRUE(append(opened->log, 0, n));
    direct_.kill_sessions();
    EXPECT_TRUE(opened->store.commit(checkpoint_builder().robot("r", 1, rows_at({at})).get()));
    direct_.kill_sessions();
    EXPECT_EQ(opened->store.floor(1, 99).value(), row_at(at));
    direct_.kill_sessions();
    EXPECT_EQ(payloads(opened->log, 0).size(), n);
  }
}

/// A server that hangs at whatever it is told, until it is let go.
class hanging_mysql_test : public mysql_fault_test {
protected:
  void hang() {
    proxy_.set_judge([goes_on = go_.get_future().share()](std::string_view) {
      goes_on.wait();
      return statement_fate();
    });
  }
  /// Runs `call` until the store has been silent for `at_least`, then lets the server go on.
  template <class Call>
  void expect_silence(const event_store& store, std::chrono::milliseconds at_least, Call call) {
    hang();
    std::thread caller(call);
    while (store.silence() < at_least) { // ctest has a time limit
    }
    go_.set_value();
    caller.join();
    proxy_.clear_judge();
    EXPECT_EQ(store.silence().count(), 0);
    go_ = {};
  }
  std::promise<void> go_;
};
using HangingMysqlTest = hanging_mysql_test;

TEST_F(HangingMysqlTest, TellsForHowLongReadsAndCommitsWait) {
  constexpr std::chrono::milliseconds noticed{50};
  const auto opened = open();
  EXPECT_TRUE(opened->store.markers());
  EXPECT_EQ(opened->store.silence().count(), 0);
  expect_silence(opened->store, noticed, [&] { EXPECT_TRUE(opened->store.floor(1, 2)); });
  expect_silence(opened->store, noticed, [&] {
    EXPECT_TRUE(opened->store.commit(checkpoint_builder().robot("r", 1, rows_at({1})).get()));
  });
}

TEST_F(HangingMysqlTest, CountsConnectingToo) {
  const auto opened = open();
  EXPECT_TRUE(opened->store.markers());
  direct_.kill_sessions();
  expect_silence(opened->store, std::chrono::milliseconds(1'200),
                 [&] { EXPECT_TRUE(opened->store.floor(1, 2)); });
}

TEST_F(HangingMysqlTest, AnErrorIsAnAnswer) {
  const auto opened = open();
  proxy_.set_judge([](std::string_view) { return statement_fate{kind::refuse, 1142, ""}; });
  EXPECT_FALSE(opened->store.floor(1, 2));
  EXPECT_EQ(opened->store.silence().count(), 0);
  proxy_.set_judge([](std::string_view) { return fate(kind::lose_before); });
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (opened->store.silence().count() == 0 && std::chrono::steady_clock::now() < end)
    EXPECT_FALSE(opened->store.floor(1, 2)); // several attempts, all of them in vain
  EXPECT_GT(opened->store.silence().count(), 0);
}

TEST_F(MysqlFaultTest, DropsEveryIdleSessionWithTheFirstThatIsDead) {
  const auto opened = open();
  mysql::mysql_pool& pool = opened->database->pool();
  const std::function<result<void>(int)> use_many = [&](int sessions) {
    return pool.run("test", mysql::mysql_pool::after_loss::fail, [&](mysql::mysql_session&) {
      return sessions > 1 ? use_many(sessions - 1) : result<void>();
    });
  };
  ASSERT_TRUE(use_many(8)); // more than attempts
  direct_.kill_sessions();
  EXPECT_TRUE(opened->store.markers());
}

/// Checkpoints of several transactions on two connections.
class mysql_checkpoint_fault_test : public mysql_fault_test {
protected:
  mysql_checkpoint_fault_test() { sizes_ = {3, 2}; }

  static constexpr robot_id shard_1 = robot_id{1} << 48;
  static std::string name(std::size_t round, std::size_t robot) {
    return "robot " + std::to_string(round) + "/" + std::to_string(robot);
  }
  static robot_id id(std::size_t round, std::size_t robot) {
    return (robot % 2) * shard_1 + 10 * round + robot + 1;
  }
  /// Four robots; the first has more rows than a transaction.
  static checkpoint_builder make(std::size_t round) {
    checkpoint_builder what;
    what.robot(name(round, 0), id(round, 0), rows_at({1, 2, 3, 4, 5, 6, 7}));
    for (const std::size_t robot : {1U, 2U, 3U})
      what.robot(name(round, robot), id(round, robot), rows_at({1, 2}));
    for (const std::uint32_t shard : {0U, 1U})
      what.marker({shard, round + 1, 1, 1, 10 * round + 4});
    return what;
  }
  static void expect_stored(event_store& store, std::size_t round) {
    for (std::size_t robot = 0; robot < 4; ++robot) {
      const std::size_t rows = robot == 0 ? 7 : 2;
      const std::string asked = name(round, robot);
      const auto row = store.robots(std::array<std::string_view, 1>{asked}).value()[0].value();
      ASSERT_TRUE(row) << asked;
      EXPECT_EQ(row->id, id(round, robot));
      EXPECT_EQ(row->state.events, rows);
      EXPECT_EQ(store.scan(row->id, 0, 99, 99).value().size(), rows);
    }
    EXPECT_EQ(store.markers().value()[0].cut, round + 1);
    EXPECT_EQ(store.markers().value()[1].cut, round + 1);
  }
  /// What a restart relies on, wherever a checkpoint was cut off.
  static void expect_robots_not_ahead(event_store& store) {
    const auto robots = store.scan_robots("", "", 10'000).value().rows;
    for (const robot_row& row : robots) {
      const auto rows = store.scan(row.id, 0, timestamp_max, 99).value();
      ASSERT_EQ(rows.size(), row.state.events) << row.name;
      EXPECT_EQ(rows.back().timestamp, row.state.last_timestamp) << row.name;
      EXPECT_EQ(rows.back().at, row.state.last) << row.name;
      EXPECT_EQ(rows.back().odometer, row.state.odometer) << row.name;
    }
  }
};
using MysqlCheckpointFaultTest = mysql_checkpoint_fault_test;

TEST_F(MysqlCheckpointFaultTest, IsWrittenWhereverOneConnectionBreaks) {
  const auto opened = open();
  std::size_t round = 0;
  for (const kind how : {kind::lose_before, kind::lose_after})
    for (std::size_t at = 0;; ++at, ++round) {
      const auto loss = std::make_shared<one_loss>(one_loss{at, how});
      proxy_.set_judge(judge_of(loss));
      const checkpoint_builder what = make(round);
      auto outcome = opened->store.commit(what.get());
      proxy_.clear_judge();
      if (!outcome && outcome.error().code == errc::unavailable) // a new connection was broken
        outcome = opened->store.commit(what.get());
      ASSERT_TRUE(outcome) << "at statement " << at << ": " << outcome.error().text;
      ASSERT_NO_FATAL_FAILURE(expect_stored(opened->store, round));
      if (!loss->happened()) {
        EXPECT_GT(at, 20U);
        break;
      }
    }
}

TEST_F(MysqlCheckpointFaultTest, LeavesWhatARestartCanGoOnFromWhereverItIsCutOff) {
  std::size_t round = 0;
  for (bool cut_off = true; cut_off; ++round) {
    const checkpoint_builder what = make(round);
    {
      const auto opened = open();
      std::size_t left = 2 * round; // statements until the server is gone
      cut_off = false;
      proxy_.set_judge([&](std::string_view) {
        cut_off = left == 0;
        left -= cut_off ? 0 : 1;
        return fate(cut_off ? kind::lose_before : kind::pass);
      });
      const auto outcome = opened->store.commit(what.get());
      proxy_.clear_judge();
      EXPECT_EQ(outcome.has_value(), !cut_off);
      EXPECT_TRUE(outcome || outcome.error().code == errc::unavailable) << outcome.error().text;
    }
    const auto opened = open();
    ASSERT_NO_FATAL_FAILURE(expect_robots_not_ahead(opened->store));
    const std::uint64_t counter = opened->store.markers().value()[0].last_counter;
    const auto robots = opened->store.scan_robots("", "", 10'000).value().rows;
    for (const robot_row& row : robots)
      EXPECT_TRUE(row.id >= shard_1 || row.id <= counter) << "an id that would be given again";
    const auto again = opened->store.commit(what.get());
    ASSERT_TRUE(again) << again.error().text;
    ASSERT_NO_FATAL_FAILURE(expect_stored(opened->store, round));
  }
  EXPECT_GT(round, 10U);
}

TEST_F(MysqlCheckpointFaultTest, NeverTakesARobotBackWhenItIsWrittenAgain) {
  const auto opened = open();
  const checkpoint_builder what = make(0);
  ASSERT_TRUE(opened->store.commit(what.get()));
  for (std::size_t last = 1; last <= 4; ++last) {
    std::size_t commits = 0; // the first ones know an older state of the first robot
    proxy_.set_judge([&](std::string_view statement) {
      commits += statement == "COMMIT" ? 1 : 0;
      return fate(commits > last ? kind::lose_before : kind::pass);
    });
    EXPECT_FALSE(opened->store.commit(what.get()));
    proxy_.clear_judge();
    expect_stored(opened->store, 0);
  }
}

TEST_F(MysqlCheckpointFaultTest, RefusesAnIdOrANameThatHasAnotherPartner) {
  const auto opened = open();
  ASSERT_TRUE(opened->store.commit(checkpoint_builder().robot("a", 1, rows_at({1})).get()));
  for (const auto& [name, id] : {std::pair<std::string, robot_id>{"b", 1}, {"a", 2}}) {
    const auto outcome =
        opened->store.commit(checkpoint_builder().robot(name, id, rows_at({5})).get());
    ASSERT_FALSE(outcome) << name;
    EXPECT_EQ(outcome.error().code, errc::corrupt) << outcome.error().text;
  }
  EXPECT_EQ(opened->store.scan(1, 0, 9, 9).value(), rows_at({1}));
  EXPECT_EQ(opened->store.scan(2, 0, 9, 9).value(), rows_at({}));
}

} // namespace
} // namespace telemetry::test
