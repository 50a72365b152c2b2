// Two nodes on one database: who may write a shard, and what late transactions do.
#include "storage/mysql/mysql_ownership.hpp"
#include "tests/contract/mysql_fixture.hpp"

#include <gmock/gmock.h>

namespace telemetry::test {
namespace {

using kind = statement_fate::kind;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

/// A node of a cluster: what it uses of the database.
struct mysql_node {
  mysql_node(std::shared_ptr<mysql::mysql_database> opened, const mysql::checkpoint_sizes& sizes)
      : base(std::move(opened), sizes), reader(base.database), owners(base.database) {}
  opened_mysql base;
  mysql::mysql_journal_reader reader;
  mysql::mysql_ownership owners;
  std::uint64_t inc = 0;
};

class mysql_ownership_test : public mysql_test {
protected:
  std::unique_ptr<mysql_node> a_ = join("a");
  std::unique_ptr<mysql_node> b_ = join("b");

  std::unique_ptr<mysql_node> join(const std::string& name) {
    auto opened = mysql::mysql_database::open_shared(options(), shards);
    if (!opened)
      throw std::runtime_error(opened.error().text);
    auto node = std::make_unique<mysql_node>(*opened, sizes_);
    cluster_node self;
    self.name = name;
    node->inc = node->owners.join(self, ++nonce_, milliseconds{10'000}, {}).value();
    return node;
  }
  /// Gives a shard to `to`. @returns the new tenure.
  tenure give(std::uint32_t shard, const mysql_node& to) {
    const auto now = b_->owners.view().value();
    EXPECT_TRUE(*b_->owners.take_over(
        {now.version, std::nullopt, {{{shard, now.owners[shard].epoch}, to.inc}}}));
    return {shard, now.owners[shard].epoch + 1};
  }
  static result<void> append(journal& log, std::vector<std::pair<tenure, std::uint64_t>> all) {
    const std::array<std::string_view, 1> payload{"payload"};
    std::vector<journal_batch> batches;
    for (const auto& [of, batch_no] : all)
      batches.push_back({of.shard, of.epoch, {batch_no, 10, 5, 7}, record_kind::events, payload});
    return log.append(batches);
  }
  /// A checkpoint of these tenures: a robot in each, and a marker.
  static checkpoint_builder checkpoint_of(const std::vector<tenure>& all, std::uint64_t cut,
                                          timestamp_ms timestamp) {
    checkpoint_builder what;
    for (const tenure& one : all)
      what.robot("r" + std::to_string(one.shard), first_id_of(one.shard) | 1, rows_at({timestamp}))
          .marker({one.shard, cut, 10, 5, 1})
          .of(one);
    return what;
  }
  std::uint64_t nonce_ = 0;
};
using MysqlOwnershipTest = mysql_ownership_test;

TEST_F(MysqlOwnershipTest, AppendsOnlyUnderTheTenureOfAShard) {
  const auto of = give(0, *a_);
  ASSERT_TRUE(append(a_->base.log, {{of, 1}}));
  const auto next = give(0, *b_);
  const auto late = append(a_->base.log, {{of, 2}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, errc::fenced);
  EXPECT_THAT(late.error().text, HasSubstr("another node owns shard 0"));
  EXPECT_THAT(a_->base.log.fenced(), ElementsAre(of));
  EXPECT_TRUE(append(b_->base.log, {{next, 2}}));
}

TEST_F(MysqlOwnershipTest, ALostShardDoesNotStopTheOthers) {
  const auto lost = give(0, *a_);
  const auto kept = give(1, *a_);
  ASSERT_TRUE(append(a_->base.log, {{lost, 1}, {kept, 1}}));
  give(0, *b_);
  EXPECT_EQ(append(a_->base.log, {{lost, 2}, {kept, 2}}).error().code, errc::fenced);
  EXPECT_THAT(a_->base.log.fenced(), ElementsAre(lost));
  ASSERT_TRUE(append(a_->base.log, {{kept, 2}}));
  EXPECT_EQ(direct_.ask("SELECT CONCAT(shard, '/', batch_no, '/', epoch) FROM journal"
                        " ORDER BY shard, batch_no"),
            (std::vector<std::string>{"0/1/1", "1/1/1", "1/2/1"}));
}

TEST_F(MysqlOwnershipTest, ACommitWithoutAnAnswerIsNotDoneOnceTheShardIsLost) {
  const auto of = give(0, *a_);
  ASSERT_TRUE(append(a_->base.log, {{of, 1}}));
  bool is_over = false;
  proxy_.set_judge([&is_over](std::string_view statement) {
    is_over = is_over || statement == "COMMIT";
    return fate(!is_over                ? kind::pass
                : statement == "COMMIT" ? kind::lose_after
                                        : kind::lose_before);
  });
  EXPECT_EQ(append(a_->base.log, {{of, 2}}).error().code, errc::unavailable);
  proxy_.clear_judge();
  give(0, *b_);
  EXPECT_EQ(append(a_->base.log, {{of, 2}}).error().code, errc::fenced);
  EXPECT_EQ(direct_.ask("SELECT MAX(batch_no) FROM journal")[0], "2") << "though it is there";
}

TEST_F(MysqlOwnershipTest, ASecondTenureOfANodeReadsTheHeadAnew) {
  const auto first = give(0, *a_);
  ASSERT_TRUE(append(a_->base.log, {{first, 1}}));
  const auto second = give(0, *b_);
  ASSERT_TRUE(append(b_->base.log, {{second, 2}}));
  const auto third = give(0, *a_);
  EXPECT_TRUE(append(a_->base.log, {{third, 3}}));
  EXPECT_EQ(direct_.ask("SELECT batch_no FROM shards WHERE shard = 0")[0], "3");
}

TEST_F(MysqlOwnershipTest, RecoveryReadsOnlyUnderItsOwnTenure) {
  const auto first = give(0, *a_);
  ASSERT_TRUE(append(a_->base.log, {
                                       {first, 1},
                                   }));
  const auto second = give(0, *b_);
  b_->reader.begin(second);
  EXPECT_EQ(b_->reader.last_batch(0).value(), 1U);
  a_->reader.begin(first);
  EXPECT_EQ(a_->reader.last_batch(0).error().code, errc::fenced);
  EXPECT_EQ(
      a_->reader.replay(0, 0, [](const journal_batch&) { return result<void>(); }).error().code,
      errc::fenced);
}

TEST_F(MysqlOwnershipTest, WritesACheckpointOnlyUnderTheTenureOfAShard) {
  const auto lost = give(0, *a_);
  const auto kept = give(1, *a_);
  ASSERT_TRUE(a_->base.store.commit(checkpoint_of({lost, kept}, 1, 10).get()));
  give(0, *b_);
  const auto late = a_->base.store.commit(checkpoint_of({lost, kept}, 2, 20).get());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, errc::fenced);
  EXPECT_THAT(a_->base.store.fenced(), ElementsAre(lost));
  EXPECT_EQ(a_->base.store.scan(first_id_of(0) | 1, 0, 99, 9)->size(), 1U);
  ASSERT_TRUE(a_->base.store.commit(checkpoint_of({kept}, 2, 20).get()));
  EXPECT_EQ(a_->base.store.markers()->at(0).cut, 1U);
  EXPECT_EQ(a_->base.store.markers()->at(1).cut, 2U);
}

TEST_F(MysqlOwnershipTest, FencesAlsoTheFirstCheckpointOfATenure) {
  const auto lost = give(0, *a_);
  give(0, *b_);
  const auto late = a_->base.store.commit(checkpoint_of({lost}, 1, 10).get());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, errc::fenced);
  EXPECT_TRUE(a_->base.store.scan(first_id_of(0) | 1, 0, 99, 9)->empty());
  EXPECT_EQ(a_->base.store.markers()->at(0).cut, 0U);
}

TEST_F(MysqlOwnershipTest, ANewTenureCountsItsCheckpointsFromZero) {
  const auto first = give(0, *a_);
  for (std::uint64_t n = 1; n <= 3; ++n)
    ASSERT_TRUE(a_->base.store.commit(checkpoint_of({first}, n, timestamp_ms(10 * n)).get()));
  give(0, *b_);
  EXPECT_EQ(direct_.ask("SELECT writes FROM markers WHERE shard = 0")[0], "0");
  const auto third = give(0, *a_);
  EXPECT_TRUE(a_->base.store.commit(checkpoint_of({third}, 4, 40).get()));
}

TEST_F(MysqlOwnershipTest, MarkersOnlyRise) {
  const auto of = give(0, *a_);
  ASSERT_TRUE(a_->base.store.commit(checkpoint_builder().marker({0, 9, 8, 7, 6}).of(of).get()));
  ASSERT_TRUE(a_->base.store.commit(checkpoint_builder().marker({0, 5, 5, 5, 5}).of(of).get()));
  const auto marker = a_->base.store.markers()->at(0);
  EXPECT_EQ(marker.cut, 9U);
  EXPECT_EQ(marker.arrival_ms, 8);
  EXPECT_EQ(marker.horizon_ms, 7);
  EXPECT_EQ(marker.last_counter, 6U);
}

TEST_F(MysqlOwnershipTest, RaisesTheEpochOfHeadAndMarkerTogether) {
  give(2, *a_);
  const auto of = give(2, *b_);
  ASSERT_TRUE(*b_->owners.hand_off(of, b_->inc, a_->inc));
  EXPECT_EQ(direct_.ask("SELECT CONCAT(s.epoch, ' ', m.epoch, ' ', s.owner) FROM shards s"
                        " JOIN markers m ON s.shard = m.shard WHERE s.shard = 2")[0],
            "3 3 " + std::to_string(a_->inc));
}

TEST_F(MysqlOwnershipTest, ATakeoverThatIsAppliedLateDoesNothing) {
  const auto of = give(0, *a_);
  bool is_sent = false;
  proxy_.set_judge([&is_sent](std::string_view statement) {
    is_sent = is_sent || statement == "COMMIT";
    return fate(statement == "COMMIT" ? kind::lose_before : kind::pass);
  });
  const auto before = b_->owners.view().value();
  const ownership::takeover what{before.version, {{a_->inc, 0}}, {{of, b_->inc}}};
  EXPECT_EQ(b_->owners.take_over(what).error().code, errc::unavailable);
  EXPECT_TRUE(is_sent);
  proxy_.clear_judge();
  ASSERT_TRUE(a_->owners.beat(a_->inc));
  EXPECT_FALSE(*b_->owners.take_over(what)) << "the node has moved since";
  EXPECT_TRUE(append(a_->base.log, {{of, 1}}));
}

TEST_F(MysqlOwnershipTest, ATakeoverWithoutAnAnswerShowsInTheNextView) {
  const auto of = give(0, *a_);
  proxy_.set_judge([](std::string_view statement) {
    return fate(statement == "COMMIT" ? kind::lose_after : kind::pass);
  });
  const auto before = b_->owners.view().value();
  EXPECT_FALSE(b_->owners.take_over({before.version, {{a_->inc, 0}}, {{of, b_->inc}}}));
  proxy_.clear_judge();
  const auto now = b_->owners.view().value();
  EXPECT_EQ(now.owners[0], (shard_owner{of.epoch + 1, b_->inc}));
  EXPECT_EQ(now.find(a_->inc), nullptr);
}

TEST_F(MysqlOwnershipTest, JoinsOnceThoughTheAnswerWasLost) {
  auto opened = mysql::mysql_database::open_shared(options(), shards).value();
  mysql::mysql_ownership owners(opened);
  proxy_.set_judge([](std::string_view statement) {
    return fate(statement == "COMMIT" ? kind::lose_after : kind::pass);
  });
  cluster_node self;
  self.name = "c";
  EXPECT_EQ(owners.join(self, 77, milliseconds{10'000}, {}).error().code, errc::unavailable);
  proxy_.clear_judge();
  const auto inc = owners.join(self, 77, milliseconds{10'000}, {});
  ASSERT_TRUE(inc) << inc.error().text;
  EXPECT_EQ(direct_.ask("SELECT COUNT(*) FROM nodes WHERE name = 'c'")[0], "1");
}

TEST_F(MysqlOwnershipTest, AServerThatLacksHeartbeatsIsBehindAndFencesNobody) {
  ASSERT_TRUE(a_->owners.beat(a_->inc));
  direct_.run("UPDATE nodes SET state = 4, hb = 0"); // as on a server that has been replaced
  EXPECT_EQ(a_->owners.beat(a_->inc).error().code, errc::unavailable);
  direct_.run("UPDATE nodes SET hb = 1");
  EXPECT_EQ(a_->owners.beat(a_->inc).error().code, errc::fenced);
}

TEST_F(MysqlOwnershipTest, AnOlderClusterIsNotTakenForTheNewest) {
  const auto now = a_->owners.view().value();
  direct_.run("UPDATE cluster SET version = version - 1");
  EXPECT_EQ(a_->owners.view().error().code, errc::unavailable);
  direct_.run("UPDATE cluster SET version = version + 1");
  EXPECT_EQ(a_->owners.view()->version, now.version);
}

TEST_F(MysqlOwnershipTest, SingleNodeAndClusterExcludeEachOther) {
  const auto single = try_open();
  ASSERT_FALSE(single);
  EXPECT_EQ(single.error().code, errc::locked);
  EXPECT_THAT(single.error().text, HasSubstr("belongs to a cluster with the node"));
  for (const auto* one : {a_.get(), b_.get()})
    ASSERT_TRUE(a_->owners.leave(one->inc, node_state::left));
  const auto of = give(0, *a_);
  const auto alone = try_open();
  ASSERT_TRUE(alone) << alone.error().text;
  EXPECT_GT((*alone)->epoch(), of.epoch);
  EXPECT_EQ(append(a_->base.log, {{of, 1}}).error().code, errc::fenced);
  EXPECT_EQ(a_->owners.view().error().code, errc::invalid_option);
  const auto shared = mysql::mysql_database::open_shared(options(), shards);
  ASSERT_FALSE(shared);
  EXPECT_EQ(shared.error().code, errc::locked);
}

} // namespace
} // namespace telemetry::test
