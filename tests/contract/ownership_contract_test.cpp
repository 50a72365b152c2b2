// What every ownership has to do: nodes that join, beat, leave and are ended; shards that move.
#include "storage/memory/memory_ownership.hpp"
#include "storage/mysql/mysql_ownership.hpp"
#include "tests/contract/mysql_engine.hpp"

#include <gmock/gmock.h>
#include <random>

namespace telemetry::test {
namespace {

using std::chrono::milliseconds;
using gift = ownership::takeover::gift;

constexpr std::uint32_t shards = 6;
constexpr milliseconds dead_after{10'000};

/// Somewhere to keep a cluster. Each node has an ownership of its own.
class cluster_under_test {
public:
  virtual ~cluster_under_test() = default;
  [[nodiscard]] virtual std::unique_ptr<ownership> connect() = 0;
};

class memory_world final : public cluster_under_test {
public:
  std::unique_ptr<ownership> connect() override {
    return std::make_unique<memory::memory_ownership>(cluster_);
  }

private:
  std::shared_ptr<memory::memory_cluster> cluster_ =
      std::make_shared<memory::memory_cluster>(shards);
};

class mysql_world final : public cluster_under_test {
public:
  std::unique_ptr<ownership> connect() override {
    const auto opened = mysql::mysql_database::open_shared(database_.options(), shards);
    if (!opened)
      throw std::runtime_error(opened.error().text);
    return std::make_unique<mysql::mysql_ownership>(*opened);
  }

private:
  mysql_test_database database_;
};

struct world_kind {
  const char* name;
  std::unique_ptr<cluster_under_test> (*make)();
};

template <class World>
std::unique_ptr<cluster_under_test> make_world() {
  return std::make_unique<World>();
}

cluster_node named(const std::string& name) {
  cluster_node one;
  one.name = name;
  one.address = name + ":8100";
  one.http = name + ":8000";
  one.release = "1.0";
  one.protocol_min = one.protocol_max = one.level_max = 1;
  one.started_ms = 1'700'000'000'000;
  return one;
}

std::vector<std::uint64_t> owners(const cluster_view& view) {
  std::vector<std::uint64_t> found;
  for (const shard_owner& one : view.owners)
    found.push_back(one.inc);
  return found;
}

std::vector<std::uint64_t> incs(const cluster_view& view) {
  std::vector<std::uint64_t> found;
  for (const cluster_node& one : view.nodes)
    found.push_back(one.inc);
  return found;
}

class ownership_contract_test : public testing::TestWithParam<world_kind> {
protected:
  std::unique_ptr<cluster_under_test> world_ = GetParam().make();
  std::unique_ptr<ownership> one_ = world_->connect();
  std::unique_ptr<ownership> other_ = world_->connect();

  std::uint64_t join(const std::string& name, std::vector<std::uint64_t> ended = {}) {
    const auto inc = one_->join(named(name), ++nonce_, dead_after, ended);
    EXPECT_TRUE(inc) << inc.error().text;
    return inc ? *inc : 0;
  }
  cluster_view view() {
    auto now = one_->view();
    EXPECT_TRUE(now) << now.error().text;
    return *now;
  }
  /// Gives every shard to `to`, ending `ended` if it is not 0.
  bool take_all(std::uint64_t to, std::uint64_t ended = 0) {
    const auto now = view();
    ownership::takeover what{now.version, std::nullopt, {}};
    if (ended != 0)
      what.ended = {ended, now.find(ended)->beats};
    for (std::uint32_t shard = 0; shard < shards; ++shard)
      what.gifts.push_back({{shard, now.owners[shard].epoch}, to});
    return one_->take_over(what).value();
  }
  std::uint64_t nonce_ = 1000;
};
using OwnershipContractTest = ownership_contract_test;

TEST_P(OwnershipContractTest, BeginsWithoutNodesAndOwners) {
  const auto now = view();
  EXPECT_TRUE(now.nodes.empty());
  EXPECT_EQ(owners(now), std::vector<std::uint64_t>(shards, 0));
}

TEST_P(OwnershipContractTest, GivesANewNumberToEachLife) {
  const auto first = join("a");
  const auto second = join("b");
  EXPECT_GT(first, 0U);
  EXPECT_GT(second, first);
  const auto now = view();
  EXPECT_EQ(incs(now), (std::vector{first, second}));
  auto expected = named("b");
  expected.inc = second;
  EXPECT_EQ(now.nodes[1], expected);
  EXPECT_EQ(now.dead_after, dead_after);
  EXPECT_EQ(*other_->join(named("b"), nonce_, dead_after, {}), second) << "the same join again";
  ASSERT_TRUE(one_->leave(second, node_state::left));
  EXPECT_GT(join("b"), second);
}

TEST_P(OwnershipContractTest, RaisesTheVersionWithEveryChangeButHeartbeats) {
  auto before = view().version;
  const auto risen = [&] {
    const auto was = std::exchange(before, view().version);
    return before > was;
  };
  const auto a = join("a");
  EXPECT_TRUE(risen());
  ASSERT_TRUE(one_->beat(a));
  EXPECT_FALSE(risen());
  EXPECT_TRUE(take_all(a));
  EXPECT_TRUE(risen());
  EXPECT_TRUE(*one_->hand_off({0, view().owners[0].epoch}, a, a));
  EXPECT_TRUE(risen());
  ASSERT_TRUE(one_->leave(a, node_state::leaving));
  EXPECT_TRUE(risen());
}

TEST_P(OwnershipContractTest, RefusesASecondNodeOfAName) {
  join("a");
  const auto again = other_->join(named("a"), 7, dead_after, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::locked);
}

TEST_P(OwnershipContractTest, RefusesAnotherDeadAfterUnlessItIsAlone) {
  const auto a = join("a");
  const auto other = other_->join(named("b"), 7, milliseconds{3'000}, {});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, errc::invalid_option);
  ASSERT_TRUE(one_->leave(a, node_state::left));
  EXPECT_TRUE(other_->join(named("b"), 7, milliseconds{3'000}, {}));
  EXPECT_EQ(view().dead_after, milliseconds{3'000});
}

TEST_P(OwnershipContractTest, ASuccessorGetsTheShardsOfItsEarlierLife) {
  const auto a = join("a");
  const auto b = join("b");
  ASSERT_TRUE(take_all(a));
  ASSERT_TRUE(*one_->hand_off({3, view().owners[3].epoch}, a, b));
  const auto before = view();
  const auto next = join("a", {a});
  const auto now = view();
  EXPECT_EQ(owners(now), (std::vector{next, next, next, b, next, next}));
  EXPECT_EQ(now.owners[0].epoch, before.owners[0].epoch + 1);
  EXPECT_EQ(now.owners[3], before.owners[3]);
  EXPECT_EQ(one_->beat(a).error().code, errc::fenced);
}

TEST_P(OwnershipContractTest, CountsHeartbeatsUntilTheNodeIsEnded) {
  const auto a = join("a");
  const auto b = join("b");
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(one_->beat(a));
  EXPECT_EQ(view().find(a)->beats, 3U);
  EXPECT_TRUE(take_all(b, a));
  EXPECT_EQ(one_->beat(a).error().code, errc::fenced);
  EXPECT_TRUE(other_->beat(b));
  EXPECT_EQ(incs(view()), std::vector{b});
}

TEST_P(OwnershipContractTest, EndsNoNodeWhoseHeartbeatMoved) {
  const auto a = join("a");
  const auto b = join("b");
  const auto seen = view();
  ASSERT_TRUE(one_->beat(a));
  EXPECT_FALSE(*other_->take_over({seen.version, {{a, seen.find(a)->beats}}, {{{0, 0}, b}}}));
  EXPECT_TRUE(one_->beat(a));
  EXPECT_EQ(view().owners, seen.owners);
}

TEST_P(OwnershipContractTest, TakesNothingOverOnAnOldView) {
  const auto a = join("a");
  const auto seen = view();
  const auto b = join("b");
  EXPECT_FALSE(*other_->take_over({seen.version, {{a, 0}}, {{{0, 0}, b}}}));
  EXPECT_TRUE(view().is_up(a));
}

TEST_P(OwnershipContractTest, TakesAllShardsOverOrNone) {
  const auto a = join("a");
  const auto now = view();
  EXPECT_FALSE(*one_->take_over({now.version, std::nullopt, {{{0, 0}, a}, {{1, 5}, a}}}));
  EXPECT_EQ(view().owners, now.owners);
  EXPECT_EQ(view().version, now.version);
  EXPECT_TRUE(*one_->take_over({now.version, std::nullopt, {{{0, 0}, a}, {{1, 0}, a}}}));
  EXPECT_EQ(view().owners[1], (shard_owner{1, a}));
}

TEST_P(OwnershipContractTest, HandsOffOnlyWhatIsOwnedToANodeThatIsUp) {
  const auto a = join("a");
  const auto b = join("b");
  ASSERT_TRUE(take_all(a));
  const tenure held{2, view().owners[2].epoch};
  EXPECT_FALSE(*one_->hand_off({2, held.epoch - 1}, a, b)) << "an old tenure";
  EXPECT_FALSE(*one_->hand_off(held, b, a)) << "another node's";
  EXPECT_FALSE(*one_->hand_off(held, a, 99)) << "to a node that never was";
  ASSERT_TRUE(one_->leave(b, node_state::leaving));
  EXPECT_FALSE(*one_->hand_off(held, a, b)) << "to a node that leaves";
  const auto c = join("c");
  EXPECT_TRUE(*one_->hand_off(held, a, c));
  EXPECT_FALSE(*one_->hand_off(held, a, c)) << "it happened already";
  EXPECT_EQ(view().owners[2], (shard_owner{held.epoch + 1, c}));
}

TEST_P(OwnershipContractTest, ANodeThatLeavesMayRenewItsOwnTenure) {
  const auto a = join("a");
  ASSERT_TRUE(take_all(a));
  ASSERT_TRUE(one_->leave(a, node_state::leaving));
  EXPECT_TRUE(*one_->hand_off({2, 1}, a, a));
  EXPECT_EQ(view().owners[2], (shard_owner{2, a}));
}

TEST_P(OwnershipContractTest, ForgetsNodesThatLeft) {
  const auto a = join("a");
  const auto b = join("b");
  ASSERT_TRUE(one_->leave(a, node_state::leaving));
  EXPECT_EQ(view().find(a)->state, node_state::leaving);
  EXPECT_FALSE(view().is_up(a));
  EXPECT_TRUE(one_->beat(a)) << "it lives until it has left";
  ASSERT_TRUE(one_->leave(a, node_state::left));
  ASSERT_TRUE(one_->leave(a, node_state::left)) << "again, after an unknown outcome";
  EXPECT_EQ(incs(view()), std::vector{b});
  EXPECT_EQ(one_->beat(a).error().code, errc::fenced);
}

INSTANTIATE_TEST_SUITE_P(Engines, OwnershipContractTest,
                         testing::Values(world_kind{"Memory", make_world<memory_world>},
                                         world_kind{"Mysql", make_world<mysql_world>}),
                         [](const auto& one) { return one.param.name; });

/// Random calls, the same to both: memory is the oracle.
class OwnershipHistoryTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(OwnershipHistoryTest, MysqlDoesWhatMemoryDoes) {
  memory_world memory;
  mysql_world mysql;
  const auto expected = memory.connect();
  const auto tested = mysql.connect();
  std::mt19937_64 random(GetParam());
  const auto pick = [&](std::uint64_t below) { return random() % below; };
  std::uint64_t last = 0;
  std::vector<cluster_view> seen{expected->view().value()}; // most are old when they are used
  const auto both = [&](const auto& call) {
    const auto left = call(*expected);
    const auto right = call(*tested);
    ASSERT_EQ(left.has_value(), right.has_value());
    if (!left) {
      ASSERT_EQ(left.error().code, right.error().code) << right.error().text;
    } else if constexpr (requires { *left == *right; }) {
      ASSERT_EQ(*left, *right);
    }
  };
  for (int step = 0; step < 120; ++step) {
    const auto& old = seen[pick(seen.size())];
    const auto inc = pick(last + 2);
    switch (pick(6)) {
    case 0: {
      const auto self = named(std::string(1, static_cast<char>('a' + pick(4))));
      std::vector<std::uint64_t> ended;
      for (const auto& one : seen.back().nodes)
        if (one.name == self.name && pick(2) == 0)
          ended.push_back(one.inc);
      const auto nonce = random();
      both([&](ownership& at) { return at.join(self, nonce, dead_after, ended); });
      break;
    }
    case 1:
      if (inc >= 1 && inc <= last)
        both([&](ownership& at) { return at.beat(inc); });
      break;
    case 2: {
      ownership::takeover what{old.version, std::nullopt, {}};
      if (const auto* const node = old.find(inc))
        what.ended = {inc, node->beats};
      for (std::uint32_t shard = 0; shard < old.owners.size(); ++shard)
        if (pick(3) == 0)
          what.gifts.push_back({{shard, old.owners[shard].epoch}, 1 + pick(last + 1)});
      both([&](ownership& at) { return at.take_over(what); });
      break;
    }
    case 3: {
      const auto shard = static_cast<std::uint32_t>(pick(shards));
      const auto& from = seen.back().owners[shard];
      const auto to = pick(3) == 0 ? from.inc : inc;
      both([&](ownership& at) { return at.hand_off({shard, from.epoch}, from.inc, to); });
      break;
    }
    case 4: {
      const auto state = pick(3) == 0 ? node_state::left : node_state::leaving;
      if (const auto* const node = seen.back().find(inc); node && node->state != state)
        both([&](ownership& at) { return at.leave(inc, state); });
      break;
    }
    default:
      break;
    }
    if (HasFatalFailure())
      return;
    const auto right = tested->view().value();
    seen.push_back(expected->view().value());
    EXPECT_EQ(seen.back().version, right.version);
    EXPECT_EQ(seen.back().nodes, right.nodes);
    EXPECT_EQ(seen.back().owners, right.owners);
    for (const auto& one : right.nodes)
      last = std::max(last, one.inc);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, OwnershipHistoryTest, testing::Range<std::uint64_t>(1, 9));

} // namespace
} // namespace telemetry::test
