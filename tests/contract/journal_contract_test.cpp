// What every journal has to do. A new engine is one line in every_journal().
#include "tests/contract/engines.hpp"

#include <array>
#include <gmock/gmock.h>
#include <map>
#include <random>
#include <vector>

namespace telemetry::test {
namespace {

struct entry {
  std::uint64_t epoch;
  std::uint64_t batch_no;
  std::int64_t arrival_ms;
  std::int64_t horizon_ms;
  wall_ms wall;
  std::string payload;
  friend bool operator==(const entry&, const entry&) = default;
};

class journal_contract_test : public testing::TestWithParam<engine_kind> {
protected:
  static constexpr std::uint32_t shards = 300; // more than one byte of a key
  std::unique_ptr<engine_under_test> engine_ = GetParam().make(shards);

  result<void> append(std::uint32_t shard, const entry& what) {
    const std::string_view payload = what.payload;
    // In two parts, to see them joined.
    const std::array parts{payload.substr(0, payload.size() / 2),
                           payload.substr(payload.size() / 2)};
    const std::array batches{
        journal_batch{shard,
                      what.epoch,
                      {what.batch_no, what.arrival_ms, what.horizon_ms, what.wall},
                      record_kind::events,
                      parts}};
    return engine_->log().append(batches);
  }
  void append_plain(std::uint32_t shard, std::uint64_t batch_no) {
    ASSERT_TRUE(append(shard, plain(batch_no)));
  }
  static entry plain(std::uint64_t batch_no) {
    const auto n = static_cast<std::int64_t>(batch_no);
    return {1,
            batch_no,
            10 * n,
            10 * n - 1000,
            1'700'000'000'000 + n,
            "payload " + std::to_string(batch_no)};
  }
  std::vector<entry> replay(std::uint32_t shard, std::uint64_t after) {
    std::vector<entry> seen;
    const auto outcome =
        engine_->log().replay(shard, after, [&](const journal_batch& batch) -> result<void> {
          EXPECT_EQ(batch.shard, shard);
          EXPECT_EQ(batch.kind, record_kind::events);
          std::string payload;
          for (const std::string_view part : batch.payload)
            payload += part;
          seen.push_back({batch.epoch, batch.stamp.batch_no, batch.stamp.arrival_ms,
                          batch.stamp.horizon_ms, batch.stamp.wall, payload});
          return {};
        });
    EXPECT_TRUE(outcome) << outcome.error().text;
    return seen;
  }
  std::uint64_t last(std::uint32_t shard) { return engine_->log().last_batch(shard).value(); }
};

using JournalContractTest = journal_contract_test;
INSTANTIATE_TEST_SUITE_P(Engines, JournalContractTest, testing::ValuesIn(every_journal()),
                         engine_name);

TEST_P(JournalContractTest, IsEmptyAtFirst) {
  EXPECT_TRUE(replay(0, 0).empty());
  EXPECT_EQ(last(0), 0U);
}

TEST_P(JournalContractTest, ReplaysAfterReopeningWhatWasAppended) {
  const entry first{7, 1, -5, -1005, 1'700'000'000'000, "some bytes\n\0with a zero"};
  const entry tick{7, 2, 20, -980, 1'700'000'000'001, ""};
  const entry large{8, 3, 30, -970, 1'700'000'000'002, std::string(300'000, 'x')};
  for (const entry& one : {first, tick, large})
    ASSERT_TRUE(append(5, one));
  engine_->reopen();
  EXPECT_EQ(replay(5, 0), (std::vector{first, tick, large}));
  EXPECT_EQ(last(5), 3U);
}

TEST_P(JournalContractTest, ReplaysMoreThanFitsIntoMemoryAtOnce) {
  std::vector<entry> expected;
  for (std::uint64_t n = 1; n <= 30; ++n) {
    expected.push_back(plain(n));
    expected.back().payload.assign(500'000, static_cast<char>('a' + n % 26));
    ASSERT_TRUE(append(0, expected.back()));
  }
  EXPECT_EQ(replay(0, 0), expected);
}

TEST_P(JournalContractTest, StartsBehindTheGivenNumber) {
  for (std::uint64_t n = 1; n <= 5; ++n)
    append_plain(0, n);
  EXPECT_EQ(replay(0, 3), (std::vector{plain(4), plain(5)}));
  EXPECT_TRUE(replay(0, 5).empty());
}

TEST_P(JournalContractTest, KeepsShardsApart) {
  for (const std::uint32_t shard : {0U, 1U, 255U, 256U, 299U}) {
    engine_->continue_after(shard, shard);
    append_plain(shard, shard + 1);
  }
  for (const std::uint32_t shard : {0U, 1U, 255U, 256U, 299U}) {
    EXPECT_EQ(replay(shard, shard), std::vector{plain(shard + 1)});
    EXPECT_EQ(last(shard), shard + 1);
  }
  EXPECT_EQ(last(2), 0U);
  EXPECT_EQ(last(257), 0U);
}

TEST_P(JournalContractTest, OrdersNumbersBeyondThirtyTwoBits) {
  const std::uint64_t big = (std::uint64_t{1} << 32) - 1;
  engine_->continue_after(0, big - 1);
  for (const std::uint64_t n : {big, big + 1, big + 2})
    append_plain(0, n);
  EXPECT_EQ(replay(0, big - 1), (std::vector{plain(big), plain(big + 1), plain(big + 2)}));
  EXPECT_EQ(last(0), big + 2);
}

TEST_P(JournalContractTest, AppendsBatchesOfSeveralShardsAtOnce) {
  const std::array<std::string_view, 1> payload{"p"};
  const std::array batches{
      journal_batch{1, 1, {1, 1, 0, 0}, record_kind::events, payload},
      journal_batch{0, 1, {1, 1, 0, 0}, record_kind::events, payload},
      journal_batch{1, 1, {2, 1, 0, 0}, record_kind::events, payload},
  };
  ASSERT_TRUE(engine_->log().append(batches));
  EXPECT_EQ(last(0), 1U);
  EXPECT_EQ(last(1), 2U);
  EXPECT_TRUE(engine_->log().append({}));
}

TEST_P(JournalContractTest, HoldsABatchOnceThatWasAppendedTwice) {
  append_plain(0, 1);
  append_plain(0, 1);
  append_plain(0, 2);
  EXPECT_EQ(replay(0, 0), (std::vector{plain(1), plain(2)}));
}

TEST_P(JournalContractTest, TrimForgetsAPrefixOfOneShardOnly) {
  for (std::uint64_t n = 1; n <= 4; ++n) {
    append_plain(0, n);
    append_plain(1, n);
  }
  ASSERT_TRUE(engine_->log().trim(0, 3));
  ASSERT_TRUE(engine_->log().trim(0, 2)); // less than before: nothing
  EXPECT_EQ(replay(0, 3), std::vector{plain(4)});
  EXPECT_EQ(replay(1, 0).size(), 4U);
  engine_->reopen();
  EXPECT_EQ(replay(0, 3), std::vector{plain(4)});
  ASSERT_TRUE(engine_->log().trim(0, 4));
  EXPECT_THAT(last(0), testing::AnyOf(0U, 4U));
  append_plain(0, 5); // numbers go on
  EXPECT_EQ(replay(0, 4), std::vector{plain(5)});
}

TEST_P(JournalContractTest, ReportsAMissingNumberWithShardAndNumber) {
  append_plain(4, 1);
  engine_->continue_after(4, 2);
  append_plain(4, 3);
  const auto ignore = [](const journal_batch&) -> result<void> { return {}; };
  const auto middle = engine_->log().replay(4, 0, ignore);
  ASSERT_FALSE(middle);
  EXPECT_EQ(middle.error().code, errc::corrupt);
  EXPECT_NE(middle.error().text.find("entry 2 of shard 4"), std::string::npos);
  ASSERT_TRUE(engine_->log().trim(4, 2));
  const auto front = engine_->log().replay(4, 1, ignore); // the marker says 1, the log starts at 3
  ASSERT_FALSE(front);
  EXPECT_EQ(front.error().code, errc::corrupt);
}

TEST_P(JournalContractTest, StopsWhenTheVisitorFails) {
  append_plain(0, 1);
  append_plain(0, 2);
  std::size_t visits = 0;
  const auto outcome = engine_->log().replay(0, 0, [&](const journal_batch&) -> result<void> {
    ++visits;
    return failure{errc::shutting_down, "enough"};
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::shutting_down);
  EXPECT_EQ(visits, 1U);
}

TEST_P(JournalContractTest, EqualsAModelOverRandomHistories) {
  const std::uint64_t seed = 20'261'123;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  std::map<std::uint32_t, std::map<std::uint64_t, entry>> model;
  std::map<std::uint32_t, std::uint64_t> next;
  for (int step = 0; step < 200; ++step) {
    const auto shard = static_cast<std::uint32_t>(random() % 3);
    switch (random() % 16) {
    case 0:
      engine_->reopen();
      break;
    case 1:
      if (const std::uint64_t upto = random() % (next[shard] + 1); upto > 0) {
        ASSERT_TRUE(engine_->log().trim(shard, upto));
        model[shard].erase(model[shard].begin(), model[shard].upper_bound(upto));
      }
      break;
    default: {
      entry one = plain(++next[shard]);
      one.payload.resize(random() % 2000, 'r');
      ASSERT_TRUE(append(shard, one));
      model[shard][one.batch_no] = one;
    }
    }
    std::vector<entry> expected;
    for (const auto& [batch_no, one] : model[shard])
      expected.push_back(one);
    ASSERT_EQ(replay(shard, next[shard] - expected.size()), expected);
    if (expected.empty())
      ASSERT_THAT(last(shard), testing::AnyOf(0U, next[shard]));
    else
      ASSERT_EQ(last(shard), expected.back().batch_no);
  }
}

TEST_P(JournalContractTest, KeepsTheNumberOfItsLastOpening) {
  EXPECT_EQ(engine_->log().opening().value(), 0U);
  for (const std::uint64_t number : {7U, 8U}) {
    ASSERT_TRUE(engine_->log().note_opening(number));
    EXPECT_EQ(engine_->log().opening().value(), number);
    engine_->reopen();
    EXPECT_EQ(engine_->log().opening().value(), number);
  }
}

TEST_P(JournalContractTest, MeetsAStoreThatHasLessWithoutLosingABatch) {
  append_plain(2, 1);
  append_plain(2, 2);
  std::array markers{shard_marker{2, 1, 0, 0, 0}};
  const auto missing = engine_->log().find_missing(markers, {});
  ASSERT_TRUE(missing) << missing.error().text;
  EXPECT_EQ(missing->text, "");
  ASSERT_TRUE(engine_->log().meet(markers));
  EXPECT_EQ(markers[0].cut, 1U);
  EXPECT_THAT(replay(2, 1), testing::ElementsAre(plain(2)));
}

} // namespace
} // namespace telemetry::test
