// Which servers and databases are opened, which are refused, and who owns an opened one.
#include "storage/mysql/mysql_schema.hpp"
#include "tests/contract/mysql_fixture.hpp"

#include <algorithm>
#include <gmock/gmock.h>

namespace telemetry::test {
namespace {

using kind = statement_fate::kind;
using testing::HasSubstr;

class mysql_open_test : public mysql_test {
protected:
  static void expect_refusal(const mysql_options& options, errc code, const std::string& sentence) {
    const auto opened = mysql::mysql_database::open(options, shards);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code) << opened.error().text;
    EXPECT_THAT(opened.error().text, HasSubstr(sentence));
  }
  /// Makes the server claim these settings: version, packet, two read_only, flush, log_bin,
  /// sync_binlog.
  void claim(const std::string& settings) {
    proxy_.set_judge([settings](std::string_view statement) -> statement_fate {
      if (statement.starts_with("SELECT @@version"))
        return {kind::replace, 0, "SELECT " + settings};
      return {};
    });
  }
};
using MysqlOpenTest = mysql_open_test;

TEST_F(MysqlOpenTest, KeepsShardsAndUuidAndRaisesTheEpoch) {
  std::string uuid;
  {
    const auto first = try_open();
    ASSERT_TRUE(first) << first.error().text;
    uuid = (*first)->uuid();
    EXPECT_EQ(uuid.size(), 32U);
    EXPECT_EQ((*first)->epoch(), 1U);
    EXPECT_THAT((*first)->description(),
                HasSubstr(" at 127.0.0.1:" + std::to_string(proxy_.port())));
  }
  const auto second = mysql::mysql_database::open(options(), 2 * shards);
  ASSERT_TRUE(second) << second.error().text;
  EXPECT_EQ((*second)->shards(), shards) << "fixed when the database was made";
  EXPECT_EQ((*second)->uuid(), uuid);
  EXPECT_EQ((*second)->epoch(), 2U);
  EXPECT_EQ(direct_.ask("SELECT COUNT(*) FROM shards s JOIN markers m ON s.shard = m.shard"
                        " WHERE s.epoch = 2 AND m.epoch = 2")[0],
            std::to_string(shards));
}

TEST_F(MysqlOpenTest, RefusesWhatNoWaitingWillMend) {
  mysql_options wrong = options();
  wrong.database = "no_such_database";
  expect_refusal(wrong, errc::invalid_option, "Unknown database 'no_such_database'");
  wrong = direct_.options(); // MySQL 9 speaks of a password only when it sees how one reaches it
  wrong.password = "wrong";
  expect_refusal(wrong, errc::invalid_option, "Access denied for user 'root'");
  wrong = options();
  wrong.hosts.clear();
  expect_refusal(wrong, errc::invalid_option, "no MySQL host");
  EXPECT_EQ(mysql::mysql_database::open(options(), 0).error().code, errc::invalid_option);
  EXPECT_EQ(mysql::mysql_database::open(options(), 65'537).error().code, errc::invalid_option);
}

/// A user of the server, until the end of a test.
class mysql_user {
public:
  explicit mysql_user(mysql_test_database& home) : home_(home), name_(home.options().database) {
    name_ = "u" + name_.substr(name_.size() - std::min<std::size_t>(name_.size(), 20));
    home_.run("CREATE USER " + name_ + "@localhost");
  }
  ~mysql_user() { home_.run("DROP USER " + name_ + "@localhost"); }
  mysql_user(const mysql_user&) = delete;
  mysql_user& operator=(const mysql_user&) = delete;
  void require_tls() { home_.run("ALTER USER " + name_ + "@localhost REQUIRE SSL"); }
  void allow(const std::string& database) {
    home_.run("GRANT ALL ON " + database + ".* TO " + name_ + "@localhost");
  }
  [[nodiscard]] mysql_options options() const {
    mysql_options options = home_.options();
    options.user = name_;
    return options;
  }

private:
  mysql_test_database& home_;
  std::string name_;
};

TEST_F(MysqlOpenTest, NamesBothCausesOfADatabaseThatIsDenied) {
  const mysql_user fleet(direct_);
  mysql_options wrong = fleet.options();
  for (const std::string& database : {wrong.database, std::string("no_such_database")}) {
    wrong.database = database;
    expect_refusal(wrong, errc::invalid_option, "to database '" + database + "'");
    expect_refusal(wrong, errc::invalid_option,
                   "the database may not exist, or the user may have no rights on it: "
                   "mysql.database, mysql.user");
  }
}

TEST_F(MysqlOpenTest, NamesTlsAsACauseOfALoginThatIsDenied) {
  mysql_user fleet(direct_);
  fleet.allow(direct_.options().database);
  EXPECT_TRUE(mysql::mysql_database::open(fleet.options(), shards));
  fleet.require_tls();
  expect_refusal(fleet.options(), errc::invalid_option,
                 "the server may require TLS of this user, and mysql.tls is off");
}

TEST_F(MysqlOpenTest, RefusesTlsThatIsNone) {
  mysql_options wrong = options();
  wrong.tls = true;
  expect_refusal(wrong, errc::invalid_option, "TLS");
}

TEST_F(MysqlOpenTest, RefusesServersThatWouldLoseOrNotTakeCommits) {
  claim("'8.0.36', 16777216, 0, 0, 1, 1, 1");
  EXPECT_TRUE(try_open());
  const std::vector<std::pair<std::string, std::string>> refused{
      {"'8.0.36', 16777216, 1, 0, 1, 0, 0", "read-only"},
      {"'8.0.36', 16777216, 'ON', 0, 1, 0, 0", "read-only"},
      {"'8.0.36', 16777216, 0, 1, 1, 0, 0", "read-only"},
      {"'8.0.36', 16777216, 0, 0, 2, 0, 0", "innodb_flush_log_at_trx_commit is 2"},
      {"'8.0.36', 16777216, 0, 0, 1, 1, 0", "sync_binlog is 0"},
      {"'8.0.36', 65536, 0, 0, 1, 0, 0", "max_allowed_packet is 65536"}};
  for (const auto& [settings, sentence] : refused) {
    claim(settings);
    expect_refusal(options(), errc::invalid_option, sentence);
  }
}

TEST_F(MysqlOpenTest, SaysUnreachableWhileNoHostAnswers) {
  mysql_options away = options();
  away.hosts = {{"127.0.0.1", refusing_port()}};
  expect_refusal(away, errc::unreachable, "127.0.0.1:" + std::to_string(away.hosts[0].port));
  // One that is only away may be the right one, whatever the other says.
  claim("'8.0.36', 16777216, 1, 0, 1, 0, 0");
  away.hosts.push_back({"127.0.0.1", proxy_.port()});
  expect_refusal(away, errc::unreachable, "read-only");
  proxy_.set_judge([](std::string_view statement) {
    return fate(statement.starts_with("CREATE") ? kind::lose_before : kind::pass);
  });
  expect_refusal(options(), errc::unreachable, "opening the database");
}

TEST_F(MysqlOpenTest, TriesTheNextHostAndStaysThere) {
  silent_host hangs;
  mysql_options several = options();
  several.hosts = {
      {"127.0.0.1", refusing_port()}, {"127.0.0.1", hangs.port()}, {"127.0.0.1", proxy_.port()}};
  const auto opened = mysql::mysql_database::open(several, shards);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_GE(hangs.take_connections(), 1U);
  mysql::mysql_event_store store(*opened);
  EXPECT_TRUE(store.markers());
  direct_.kill_sessions();
  EXPECT_TRUE(store.markers());
  EXPECT_EQ(hangs.take_connections(), 0U) << "the host that worked comes first";
}

TEST_F(MysqlOpenTest, LeavesAHostThatTurnedReadOnly) {
  mysql_proxy other(direct_.options().socket);
  mysql_options several = options();
  several.hosts.push_back({"127.0.0.1", other.port()});
  const auto database = mysql::mysql_database::open(several, shards);
  ASSERT_TRUE(database) << database.error().text;
  mysql::mysql_journal log(*database);
  ASSERT_TRUE(append(log, 0, 1));
  EXPECT_EQ(other.connections(), 0U);
  proxy_.set_judge([](std::string_view statement) -> statement_fate {
    if (statement.starts_with("SELECT @@version"))
      return {kind::replace, 0, "SELECT '8.0.36', 16777216, 1, 0, 1, 0, 0"};
    return statement.starts_with("UPDATE") ? statement_fate{kind::refuse, 1290} : statement_fate();
  });
  const auto outcome = append(log, 0, 2);
  ASSERT_TRUE(outcome) << outcome.error().text;
  EXPECT_GE(other.connections(), 1U);
  EXPECT_EQ(payloads(log, 0).size(), 2U);
}

TEST_F(MysqlOpenTest, RefusesASecondOwnerAsLongAsTheFirstHoldsTheLock) {
  const auto first = open();
  expect_refusal(options(), errc::locked, "another telemetryd holds the database");
  ASSERT_TRUE(append(first->log, 0, 1)) << "the first one is not disturbed";
  direct_.kill_sessions(); // the lock goes with its connection …
  first->database->lock().look();
  expect_refusal(options(), errc::locked, "another telemetryd"); // … and is taken again
}

TEST_F(MysqlOpenTest, FencesWhoWasTakenOver) {
  const auto old = open();
  ASSERT_TRUE(append(old->log, 0, 1, "old"));
  direct_.kill_sessions();
  ASSERT_TRUE(old->store.markers()) << "connected again, with heads that it knows";
  const auto taken = open();
  ASSERT_TRUE(append(taken->log, 0, 2, "new"));

  const auto late = append(old->log, 1, 1, "late");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, errc::fenced) << late.error().text;
  const auto checkpoint = checkpoint_builder().robot("r", 1, rows_at({1}));
  const auto stored = old->store.commit(checkpoint.get());
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, errc::fenced) << stored.error().text;
  const auto marked = old->store.commit(checkpoint_builder().marker({0, 2, 1, 1, 1}).get());
  ASSERT_FALSE(marked);
  EXPECT_EQ(marked.error().code, errc::fenced);

  EXPECT_EQ(payloads(taken->log, 0), (std::vector<std::string>{"old", "new"}));
  EXPECT_TRUE(payloads(taken->log, 1).empty());
  EXPECT_TRUE(taken->store.scan_robots("", "", 9)->rows.empty());
  EXPECT_EQ((*taken->store.markers())[0].cut, 0U);
}

TEST_F(MysqlOpenTest, NoticesThatTheServerHasForgottenCommits) {
  const auto opened = open();
  ASSERT_TRUE(append(opened->log, 0, 1));
  ASSERT_TRUE(append(opened->log, 0, 2));
  direct_.run("UPDATE shards SET batch_no = 1 WHERE shard = 0"); // as after a failover
  const auto outcome = append(opened->log, 0, 3);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::corrupt);
  EXPECT_THAT(outcome.error().text, HasSubstr("has forgotten what it committed: journal entry 2"));
}

TEST_F(MysqlOpenTest, WritesNoCheckpointToAServerThatHasForgottenOne) {
  const auto opened = open();
  ASSERT_TRUE(opened->store.commit(checkpoint_builder().marker({0, 2, 1, 1, 1}).get()));
  ASSERT_TRUE(opened->store.commit(checkpoint_builder().marker({0, 3, 1, 1, 1}).get()));
  direct_.run("UPDATE markers SET cut = 2, writes = 1 WHERE shard = 0"); // as after a failover
  const auto outcome = opened->store.commit(
      checkpoint_builder().robot("r", 1, rows_at({1})).marker({0, 4, 1, 1, 1}).get());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::corrupt) << outcome.error().text;
  EXPECT_THAT(outcome.error().text, HasSubstr("has forgotten what it committed"));
  EXPECT_TRUE(opened->store.scan_robots("", "", 9)->rows.empty());
}

TEST_F(MysqlOpenTest, StartsOverALossOnlyOnceItIsAccepted) {
  auto opened = open();
  ASSERT_TRUE(append(opened->log, 0, 1));
  direct_.run("UPDATE shards SET batch_no = 0 WHERE shard = 0");
  ASSERT_FALSE(append(opened->log, 0, 2));
  opened.reset();
  expect_refusal(options(), errc::corrupt, "journal entry 1 of shard 0 is gone");
  direct_.run("DELETE FROM meta WHERE name = 'lost'"); // what the message says
  EXPECT_TRUE(try_open());
}

TEST_F(MysqlOpenTest, RefusesASchemaThatIsNewerOrForeign) {
  ASSERT_TRUE(try_open());
  direct_.run("UPDATE meta SET value = '999' WHERE name = 'schema_version'");
  expect_refusal(options(), errc::version, "schema version 999, newer than");
  direct_.run("DROP TABLE meta");
  expect_refusal(options(), errc::version, "a table \"shards\" that telemetryd did not make");
}

TEST_F(MysqlOpenTest, MigratesAgainWhereItWasCutOff) {
  std::size_t cut_at = 0;
  for (bool cut = true; cut; ++cut_at) {
    std::size_t seen = 0;
    cut = false;
    proxy_.set_judge([&](std::string_view statement) {
      const bool counts = statement.starts_with("CREATE") || statement.starts_with("INSERT");
      cut = cut || (counts && seen++ == cut_at);
      return fate(cut ? kind::lose_before : kind::pass);
    });
    const bool made = try_open().has_value();
    proxy_.clear_judge();
    EXPECT_NE(made, cut);
    ASSERT_TRUE(open()->log.last_batch(0)) << "cut off at " << cut_at;
    const std::string name = direct_.options().database;
    direct_.run("DROP DATABASE " + name);
    direct_.run("CREATE DATABASE " + name);
    direct_.run("USE " + name);
  }
  EXPECT_GT(cut_at, 10U);
}

TEST_F(MysqlOpenTest, PrintsMigrationsThatAClientCanRun) {
  std::string all = mysql::mysql_migrations();
  for (std::size_t end = 0; (end = all.find(";\n")) != std::string::npos; all.erase(0, end + 2)) {
    std::string statement = all.substr(0, end);
    while (statement.starts_with("--"))
      statement.erase(0, statement.find('\n') + 1);
    direct_.run(statement);
  }
  EXPECT_TRUE(all.empty()) << all;
  EXPECT_EQ(direct_.ask("SELECT value FROM meta WHERE name = 'schema_version'")[0],
            std::to_string(mysql::mysql_schema_version()));
  EXPECT_TRUE(try_open());
}

} // namespace
} // namespace telemetry::test
