// The decorators that other tests rely on do what they are told, and nothing otherwise.
#include "storage/open_storage.hpp"
#include "tests/support/faulty_event_store.hpp"
#include "tests/support/faulty_journal.hpp"

#include <array>
#include <gtest/gtest.h>
#include <thread>

namespace telemetry::test {
namespace {

class faulty_journal_test : public testing::Test {
protected:
  std::shared_ptr<faulty_journal::plans> plans_ = std::make_shared<faulty_journal::plans>();
  storage memory_ = open_memory_storage(1);
  faulty_journal journal_{std::move(memory_.journal), plans_};

  result<void> append(std::uint64_t batch_no) {
    const std::array batches{
        journal_batch{0, 1, {batch_no, 1, 0, 0}, record_kind::events, {}},
    };
    return journal_.append(batches);
  }
  std::uint64_t last() { return journal_.last_batch(0).value(); }
};

using FaultyJournalTest = faulty_journal_test;

TEST_F(FaultyJournalTest, LetsCallsThroughWithoutACommand) {
  EXPECT_TRUE(append(1));
  EXPECT_EQ(last(), 1U);
  EXPECT_EQ(plans_->append.calls(), 1U);
}

TEST_F(FaultyJournalTest, FailsAsOftenAsCommandedAndDoesNothing) {
  plans_->append.fail_next(2, errc::no_space);
  EXPECT_EQ(append(1).error().code, errc::no_space);
  EXPECT_EQ(append(1).error().code, errc::no_space);
  EXPECT_EQ(last(), 0U);
  EXPECT_TRUE(append(1));
  EXPECT_EQ(last(), 1U);
}

TEST_F(FaultyJournalTest, LosesTheAnswerOfACallThatWasDone) {
  plans_->append.lose_next_answers(1);
  EXPECT_EQ(append(1).error().code, errc::unavailable);
  EXPECT_EQ(last(), 1U);
  EXPECT_TRUE(append(1));
}

TEST_F(FaultyJournalTest, BlocksUntilReleased) {
  plans_->append.block();
  std::thread writer([this] { EXPECT_TRUE(append(1)); });
  plans_->append.wait_until_blocked();
  EXPECT_EQ(last(), 0U);
  plans_->append.release();
  writer.join();
  EXPECT_EQ(last(), 1U);
}

TEST(FaultyEventStoreTest, FailsCommitsAndReadsApart) {
  const auto plans = std::make_shared<faulty_event_store::plans>();
  faulty_event_store store(open_memory_storage(1).store, plans);
  plans->commit.fail_next(1, errc::unavailable);
  plans->reads.fail_next(1, errc::corrupt);
  EXPECT_EQ(store.floor(1, 1).error().code, errc::corrupt);
  EXPECT_TRUE(store.floor(1, 1));
  EXPECT_EQ(store.commit({}).error().code, errc::unavailable);
  EXPECT_TRUE(store.commit({}));
}

} // namespace
} // namespace telemetry::test
