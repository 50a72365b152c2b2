// A journal in front of MySQL that is not the one that was used last, or not in the same state.
#include "tests/contract/mysql_fixture.hpp"

#include <gmock/gmock.h>

namespace telemetry::test {
namespace {

namespace fs = std::filesystem;
using journal_kind = storage_options::journal_kind;
using testing::HasSubstr;

class mysql_journal_match_test : public testing::Test {
protected:
  static constexpr std::uint32_t shards = 4;
  mysql_test_database direct_;
  temporary_directory directory_;
  fs::path data_ = directory_.path() / "data";

  result<storage> try_start(journal_kind journal = journal_kind::file) const {
    storage_options options;
    options.store = storage_options::store_kind::mysql;
    options.journal = journal;
    options.mysql = direct_.options();
    options.data_dir = data_;
    options.shards = shards;
    options.min_free_bytes = 0;
    options.cache_bytes = 8u << 20;
    return open_storage(options);
  }
  /// Starts, or throws with the reason.
  storage start(journal_kind journal = journal_kind::file) const {
    auto opened = try_start(journal);
    if (!opened)
      throw std::runtime_error(opened.error().text);
    return std::move(*opened);
  }
  void expect_refusal(errc code, const std::string& sentence,
                      journal_kind journal = journal_kind::file) const {
    const auto opened = try_start(journal);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code) << opened.error().text;
    EXPECT_THAT(opened.error().text, HasSubstr(sentence));
    EXPECT_THAT(opened.error().text, HasSubstr(accept_));
  }
  /// What every refusal says.
  void accept() { direct_.run(accept_); }
  static void append(storage& to, std::uint64_t first, std::uint64_t last) {
    const std::array<std::string_view, 1> payload{"payload"};
    for (std::uint64_t batch_no = first; batch_no <= last; ++batch_no) {
      const std::array batch{
          journal_batch{0, 1, {batch_no, 10, 5, 7}, record_kind::events, payload}};
      ASSERT_TRUE(to.journal->append(batch));
    }
  }
  /// As a checkpoint does it: the store has everything up to `cut`.
  static void store_upto(storage& of, std::uint64_t cut) {
    ASSERT_TRUE(of.store->commit(checkpoint_builder().marker({0, cut, 1, 1, 1}).get()));
    ASSERT_TRUE(of.journal->trim(0, cut));
  }
  static std::uint64_t cut(storage& of) { return (*of.store->markers())[0].cut; }
  static std::vector<std::uint64_t> numbers(storage& of) {
    std::vector<std::uint64_t> found;
    const auto outcome = of.journal->replay(0, cut(of), [&](const auto& batch) -> result<void> {
      found.push_back(batch.stamp.batch_no);
      return {};
    });
    EXPECT_TRUE(outcome) << outcome.error().text;
    return found;
  }
  std::string accept_ =
      "UPDATE " + direct_.options().database + ".meta SET value = '' WHERE name = 'journal'";
};
using MysqlJournalMatchTest = mysql_journal_match_test;
using numbers_t = std::vector<std::uint64_t>;

TEST_F(MysqlJournalMatchTest, GoesOnWithItsJournalThroughStopsAndKills) {
  for (std::uint64_t n = 1; n <= 3; ++n) {
    auto opened = start();
    EXPECT_EQ(opened.warning, "");
    append(opened, 2 * n - 1, 2 * n);
    store_upto(opened, 2 * n - 1);
    EXPECT_EQ(numbers(opened), numbers_t{2 * n});
  }
}

TEST_F(MysqlJournalMatchTest, RefusesAnEmptyDirectoryUntilTheLossIsAccepted) {
  { append(*std::make_unique<storage>(start()), 1, 2); }
  fs::remove_all(data_); // or the volume is not mounted
  expect_refusal(errc::version, "is a new one");
  expect_refusal(errc::version, "is a new one");
  accept();
  auto opened = start();
  EXPECT_TRUE(numbers(opened).empty());
}

TEST_F(MysqlJournalMatchTest, RefusesAnOlderStateOfTheJournal) {
  { append(*std::make_unique<storage>(start()), 1, 2); }
  fs::copy(data_, directory_.path() / "backup", fs::copy_options::recursive);
  {
    auto opened = start();
    append(opened, 3, 6);
    store_upto(opened, 4);
  }
  fs::remove_all(data_);
  fs::rename(directory_.path() / "backup", data_);
  expect_refusal(errc::version, "an older state of it");
  accept();
  {
    auto opened = start();
    EXPECT_THAT(opened.warning, HasSubstr("shard 0: it ends at batch 2, but the store has "
                                          "everything up to batch 4"));
    EXPECT_TRUE(numbers(opened).empty());
    append(opened, 5, 5);
  }
  auto opened = start();
  EXPECT_EQ(opened.warning, "") << "told once";
  EXPECT_EQ(numbers(opened), numbers_t{5});
}

TEST_F(MysqlJournalMatchTest, RefusesAnOlderStateOfTheStore) {
  start();
  const std::string older = direct_.ask("SELECT value FROM meta WHERE name = 'journal'")[0];
  start();
  start();
  direct_.run("UPDATE meta SET value = '" + older + "' WHERE name = 'journal'");
  expect_refusal(errc::version, "the store is an older state than the journal in files");
}

TEST_F(MysqlJournalMatchTest, SkipsBatchesThatBothHaveForgottenOnceThatIsAccepted) {
  {
    auto opened = start();
    append(opened, 1, 5);
    store_upto(opened, 4);
    append(opened, 6, 6); // which notes the trim
  }
  direct_.run("UPDATE markers SET cut = 1 WHERE shard = 0"); // a backup of an hour ago
  expect_refusal(errc::corrupt, "shard 0: batches 2 to 4 are missing");
  accept();
  auto opened = start();
  EXPECT_THAT(opened.warning, HasSubstr("batches 2 to 4 are missing"));
  EXPECT_EQ(cut(opened), 4U);
  EXPECT_EQ(numbers(opened), (numbers_t{5, 6}));
}

TEST_F(MysqlJournalMatchTest, RefusesAnotherKindOfJournalUntilTheOldOneIsDrained) {
  {
    auto opened = start();
    append(opened, 1, 2);
    store_upto(opened, 1);
    EXPECT_FALSE(opened.note_drained(opened).value());
  }
  expect_refusal(errc::version, "storage.journal=file", journal_kind::mysql);
  {
    auto opened = start();
    store_upto(opened, 2);
    EXPECT_TRUE(opened.note_drained(opened).value());
  }
  {
    auto opened = start(journal_kind::mysql);
    EXPECT_EQ(opened.warning, "");
    append(opened, 3, 4);
    store_upto(opened, 4);
    EXPECT_TRUE(opened.note_drained(opened).value());
  }
  { // back to the one in data_dir, which has seen less
    auto opened = start();
    EXPECT_EQ(opened.warning, "");
    append(opened, 5, 5);
  }
  auto opened = start();
  EXPECT_EQ(opened.warning, "");
  EXPECT_EQ(numbers(opened), numbers_t{5});
}

TEST_F(MysqlJournalMatchTest, RefusesARecordThatItDidNotWrite) {
  start();
  direct_.run("UPDATE meta SET value = 'nonsense' WHERE name = 'journal'");
  const auto opened = try_start();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::corrupt);
}

} // namespace
} // namespace telemetry::test
