// A journal and a store in two engines: which pairs are opened, and what is noted in which order.
#include "storage/open_paired_journal.hpp"

#include "storage/memory/memory_event_store.hpp"
#include "storage/memory/memory_journal.hpp"

#include <gmock/gmock.h>

#include <optional>

namespace telemetry::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// The record of a store, which outlives its openings.
class recording_keeper final : public pairing_keeper {
public:
  [[nodiscard]] std::uint64_t opening() const noexcept override { return now; }
  result<journal_pairing> read_journal_pairing() override {
    return journal_pairing::from_text(record);
  }
  result<void> write_journal_pairing(const journal_pairing& pairing) override {
    if (left && (*left)-- == 0)
      return failure{errc::unavailable, "killed"};
    record = pairing.to_text();
    written.push_back(record);
    return {};
  }
  [[nodiscard]] std::string accept_journal() const override { return "CLEAR THE RECORD"; }

  std::uint64_t now = 0;
  std::string record;
  std::vector<std::string> written;
  std::optional<int> left; ///< writes until the process is killed
};

/// A journal that says what the test has it say.
class scripted_journal final : public paired_journal {
public:
  struct script {
    std::uint64_t opening = 0;
    std::string missing;
    bool is_accepted = false;
    std::uint64_t trimmed = 0; ///< of shard 0
    bool is_killed = false;    ///< before it notes an opening
    int meetings = 0;
  };
  explicit scripted_journal(script& what) : script_(what) {}

  result<void> append(std::span<const journal_batch>) override { return {}; }
  result<void> replay(std::uint32_t, std::uint64_t, const visitor&) override { return {}; }
  result<std::uint64_t> last_batch(std::uint32_t) override { return 0; }
  result<void> trim(std::uint32_t, std::uint64_t) override { return {}; }
  result<std::uint64_t> opening() override { return script_.opening; }
  result<void> note_opening(std::uint64_t number) override {
    if (script_.is_killed)
      return failure{errc::unavailable, "killed"};
    script_.opening = number;
    return {};
  }
  result<missing_batches> find_missing(std::span<const shard_marker>,
                                       const journal_pairing&) override {
    return missing_batches{script_.missing, script_.is_accepted};
  }
  result<void> meet(std::span<shard_marker> markers) override {
    ++script_.meetings;
    markers[0].cut = std::max(markers[0].cut, script_.trimmed);
    return {};
  }

private:
  script& script_;
};

class open_paired_journal_test : public testing::Test {
protected:
  recording_keeper keeper_;
  scripted_journal::script journal_;
  memory::memory_event_store store_{std::make_shared<memory::memory_tables>(2)};
  int opened_ = 0;

  result<opened_journal> start(std::string_view name = "redis") {
    ++keeper_.now;
    const auto open = [this]() -> result<std::unique_ptr<paired_journal>> {
      ++opened_;
      return std::unique_ptr<paired_journal>(std::make_unique<scripted_journal>(journal_));
    };
    return open_paired_journal(name, open, store_, keeper_);
  }
  void must_start(std::string_view name = "redis") {
    const auto started = start(name);
    ASSERT_TRUE(started) << started.error().text;
  }
  void expect_refusal(errc code, const std::string& sentence, std::string_view name = "redis") {
    const auto refused = start(name);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, code);
    EXPECT_THAT(refused.error().text, HasSubstr(sentence));
    EXPECT_THAT(refused.error().text, HasSubstr("To go on with what there is: CLEAR THE RECORD"));
  }
};
using OpenPairedJournalTest = open_paired_journal_test;

TEST_F(OpenPairedJournalTest, NotesAnOpeningInTheStoreThenInTheJournalThenInTheStore) {
  must_start();
  EXPECT_EQ(journal_.opening, 1U);
  must_start();
  EXPECT_THAT(keeper_.written, ElementsAre("redis 0 1", "redis 1 1", "redis 1 2", "redis 2 2"));
}

TEST_F(OpenPairedJournalTest, GoesOnWhereverTheNotingWasCutOff) {
  must_start();
  for (int step = 0; step < 3; ++step) {
    keeper_.left = step == 1 ? std::nullopt : std::optional(step / 2);
    journal_.is_killed = step == 1;
    ASSERT_FALSE(start()) << step;
    keeper_.left.reset();
    journal_.is_killed = false;
    must_start();
  }
}

TEST_F(OpenPairedJournalTest, RefusesAnotherKindOfJournalWithoutMakingOne) {
  must_start("file");
  opened_ = 0;
  expect_refusal(errc::version, "the journal was in files, is to be in redis");
  EXPECT_EQ(opened_, 0);
}

TEST_F(OpenPairedJournalTest, TakesAnyJournalAfterTheLastOneWasDrained) {
  must_start("file");
  keeper_.record += " drained";
  journal_.opening = 0;
  must_start();
  EXPECT_EQ(keeper_.record, "redis 2 2");
}

TEST_F(OpenPairedJournalTest, RefusesAnOlderStateOfTheJournal) {
  must_start();
  must_start();
  must_start();
  journal_.opening = 1;
  expect_refusal(errc::version, "an older state of it");
}

TEST_F(OpenPairedJournalTest, RefusesALossUntilItIsAccepted) {
  must_start();
  journal_.missing = "batch 3 is missing";
  expect_refusal(errc::corrupt, "batch 3 is missing");
  keeper_.record.clear(); // as the text says
  const auto accepted = start();
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->warning, "batch 3 is missing");
}

TEST_F(OpenPairedJournalTest, TakesALossThatWasAcceptedInTheJournal) {
  must_start();
  journal_ = {.opening = 0, .missing = "all is gone", .is_accepted = true};
  const auto accepted = start();
  ASSERT_TRUE(accepted) << accepted.error().text;
  EXPECT_EQ(accepted->warning, "all is gone");
}

TEST_F(OpenPairedJournalTest, RaisesTheCutsOfAStoreThatLacksWhatTheJournalHasTrimmed) {
  journal_.trimmed = 5;
  must_start();
  EXPECT_EQ((*store_.markers())[0].cut, 5U);
  EXPECT_EQ((*store_.markers())[1].cut, 0U);
}

TEST_F(OpenPairedJournalTest, MeetsOnlyAStoreThatMayDiffer) {
  must_start();
  EXPECT_EQ(journal_.meetings, 1);
  must_start();
  EXPECT_EQ(journal_.meetings, 1);
}

} // namespace
} // namespace telemetry::test
