#include "storage/journal_pairing.hpp"

#include <gmock/gmock.h>

namespace telemetry {
namespace {

using testing::HasSubstr;

const journal_pairing in_use{"redis", 7, 9, false};

void expect_refusal(const result<void>& outcome, const std::string& sentence) {
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::version);
  EXPECT_THAT(outcome.error().text, HasSubstr(sentence));
}

TEST(JournalPairingTest, ReadsWhatItWrites) {
  for (const std::string text : {"", "redis 7 9", "file 0 18446744073709551615 drained"}) {
    const auto read = journal_pairing::from_text(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->to_text(), text);
  }
  EXPECT_EQ(in_use.to_text(), "redis 7 9");
}

TEST(JournalPairingTest, RefusesWhatItDidNotWrite) {
  for (const std::string text : {"redis", "redis 7", "redis 7 x", "redis 7 9 wet", "redis -1 9"}) {
    const auto read = journal_pairing::from_text(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::corrupt);
    EXPECT_THAT(read.error().text, HasSubstr('"' + text + '"'));
  }
}

TEST(JournalPairingTest, IsFreeWithoutAJournalAndWithADrainedOne) {
  EXPECT_TRUE(journal_pairing{}.is_free());
  EXPECT_TRUE((journal_pairing{"redis", 7, 9, true}.is_free()));
  EXPECT_FALSE(in_use.is_free());
}

TEST(JournalPairingTest, TakesTheJournalOfTheLastOpeningWhereverThatWasCutOff) {
  EXPECT_TRUE(in_use.check("redis", 7)) << "killed before the journal noted opening 9";
  EXPECT_TRUE(in_use.check("redis", 9));
}

TEST(JournalPairingTest, RefusesEveryOtherJournal) {
  expect_refusal(in_use.check("mysql", 9), "start once more with storage.journal=redis");
  expect_refusal(in_use.check("redis", 0), "is a new one");
  expect_refusal(in_use.check("redis", 6), "an older state of it");
  expect_refusal(in_use.check("redis", 8), "an older state of it");
  expect_refusal(in_use.check("redis", 10), "the store is an older state than the journal");
}

} // namespace
} // namespace telemetry
