// The journal in files on a disk that is full, fails, or loses its power.
#include "tests/contract/engines.hpp"
#include "tests/contract/journal_entries.hpp"
#include "tests/support/soak.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <vector>

namespace telemetry::test {
namespace {

using rocksdb::IOStatus;

struct append_fault {
  const char* name;
  errc expected;
  errc expected_again; ///< of the attempts after the first
  IOStatus (*error)();
  bool torn;
  std::size_t bytes;
};

class append_fault_test : public testing::TestWithParam<append_fault> {};
using FileJournalAppendFaultTest = append_fault_test;

IOStatus full() { return IOStatus::NoSpace("injected"); }
IOStatus over_quota() { return IOStatus::IOError("injected", std::strerror(EDQUOT)); }
IOStatus broken() { return IOStatus::IOError("injected"); }

INSTANTIATE_TEST_SUITE_P(
    Faults, FileJournalAppendFaultTest,
    testing::Values(
        append_fault{"Full", errc::no_space, errc::no_space, full, false, 100},
        append_fault{"FullAndTorn", errc::no_space, errc::no_space, full, true, 100},
        append_fault{"FullAndTornInALargeRecord", errc::no_space, errc::no_space, full, true,
                     3'000'000},
        append_fault{"OverQuota", errc::no_space, errc::no_space, over_quota, false, 100},
        append_fault{"Broken", errc::unavailable, errc::write_failed, broken, false, 100},
        append_fault{"BrokenAndTorn", errc::unavailable, errc::write_failed, broken, true,
                     100'000}),
    [](const auto& kind) { return std::string(kind.param.name); });

TEST_P(FileJournalAppendFaultTest, KeepsWhatWasAcknowledgedAndTakesTheRetryOnce) {
  const append_fault& fault = GetParam();
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append_entries(engine.log(), 1, fault.bytes));
  ASSERT_TRUE(append_entries(engine.log(), 2, fault.bytes));
  engine.files().fail(file_operation::write, "", 0, fault.error(), fault.torn);
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto failed = append_entries(engine.log(), 3, fault.bytes);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, attempt == 0 ? fault.expected : fault.expected_again)
        << failed.error().text;
    EXPECT_EQ(replay_entries(engine.log(), 0, 0), numbers(1, 2)) << "reads go on";
  }
  EXPECT_GT(engine.files().failures(), 0U);
  engine.files().heal();
  for (std::uint64_t n = 3; n <= 5; ++n) {
    const auto appended = append_entries(engine.log(), n, fault.bytes);
    ASSERT_TRUE(appended) << appended.error().text;
  }
  EXPECT_EQ(replay_entries(engine.log(), 0, 0), numbers(1, 5));
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay_entries(engine.log(), 0, 0), numbers(1, 5));
  EXPECT_EQ(replay_entries(engine.log(), 1, 0), numbers(1, 5));
}

TEST_P(FileJournalAppendFaultTest, SurvivesAPowerCutAfterTheRetry) {
  const append_fault& fault = GetParam();
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append_entries(engine.log(), 1, fault.bytes));
  engine.files().fail(file_operation::write, ".segment", 0, fault.error(), fault.torn);
  EXPECT_FALSE(append_entries(engine.log(), 2, fault.bytes));
  engine.files().heal();
  ASSERT_TRUE(append_entries(engine.log(), 2, fault.bytes));
  ASSERT_TRUE(append_entries(engine.log(), 3, fault.bytes));
  engine.files().crash_after(0);
  engine.power_on(0);
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay_entries(engine.log(), 0, 0), numbers(1, 3));
}

class file_journal_power_test : public testing::TestWithParam<std::uint64_t> {};
using FileJournalPowerTest = file_journal_power_test;
INSTANTIATE_TEST_SUITE_P(KeptBytes, FileJournalPowerTest, testing::Values(0U, 50U, 5000U),
                         [](const auto& kept) { return std::to_string(kept.param); });

/// What was acknowledged, or at least begun, before the power cut.
struct progress {
  std::uint64_t appended = 0;
  std::uint64_t begun = 0;
  std::uint64_t trimmed = 0;
};

/// Appends over several segments and trims behind, until the power fails, or the end.
progress run_until_power_cut(faulty_file_journal& engine) {
  progress made;
  for (std::uint64_t last = 12; last <= 60; last += 12) {
    while (made.begun < last) {
      ++made.begun;
      if (!append_entries(engine.log(), made.begun, made.begun % 5 == 0 ? 5000 : 100))
        return made;
      made.appended = made.begun;
    }
    made.trimmed = last - 3;
    for (const std::uint32_t shard : {0U, 1U})
      if (!engine.log().trim(shard, made.trimmed))
        return made;
  }
  return made;
}

// A stride that is prime: appends are pairs of operations, and none of the two may be left out.
TEST_P(FileJournalPowerTest, LosesNothingWheneverThePowerFails) {
  const std::uint64_t stride = is_soak() ? 1 : 13;
  bool crashed = true;
  for (std::uint64_t operations = GetParam() % stride; crashed && !HasFailure();
       operations += stride) {
    SCOPED_TRACE(testing::Message() << "power cut after " << operations << " operations");
    faulty_file_journal engine;
    ASSERT_TRUE(engine.open());
    engine.files().crash_after(operations);
    const progress made = run_until_power_cut(engine);
    crashed = engine.files().crashed();
    if (!crashed) {
      EXPECT_GT(operations, 150U);
      engine.files().crash_after(0);
    }
    engine.power_on(GetParam());
    const auto opened = engine.open();
    ASSERT_TRUE(opened) << opened.error().text;
    for (const std::uint32_t shard : {0U, 1U}) {
      const std::uint64_t last = engine.log().last_batch(shard).value();
      EXPECT_GE(last, made.appended);
      EXPECT_LE(last, made.begun);
      EXPECT_EQ(replay_entries(engine.log(), shard, made.trimmed), numbers(made.trimmed + 1, last));
    }
    EXPECT_TRUE(append_entries(engine.log(), made.begun + 1));
  }
}

TEST(FileJournalFaultTest, LosesNothingWhicheverNamesAPowerCutTakesBack) {
  const std::uint64_t stride = is_soak() ? 1 : 2; // no two neighbours may be left out
  bool crashed = true;
  for (std::uint64_t operations = 0; crashed && !HasFailure(); operations += stride)
    for (const std::uint64_t seed : {std::uint64_t{0}, 2 * operations + 1, 2 * operations + 2}) {
      SCOPED_TRACE(testing::Message() << operations << " operations, seed " << seed);
      faulty_file_journal engine;
      ASSERT_TRUE(engine.open());
      engine.files().crash_after(operations);
      const progress made = run_until_power_cut(engine);
      crashed = engine.files().crashed();
      engine.files().crash_after(0);
      engine.power_on(0, seed);
      const auto opened = engine.open();
      ASSERT_TRUE(opened) << opened.error().text;
      for (const std::uint32_t shard : {0U, 1U}) {
        const std::uint64_t last = engine.log().last_batch(shard).value();
        EXPECT_GE(last, made.appended);
        EXPECT_EQ(replay_entries(engine.log(), shard, made.trimmed),
                  numbers(made.trimmed + 1, last));
      }
    }
}

// The process dies first, at any point; a start sees what it left in the page cache, and a store
// may count on that at once. Then the power fails.
TEST(FileJournalFaultTest, KeepsWhatAStartAfterAKillHasSeen) {
  const std::uint64_t stride = is_soak() ? 1 : 3;
  bool crashed = true;
  for (std::uint64_t operations = 0; crashed && !HasFailure(); operations += stride) {
    SCOPED_TRACE(testing::Message() << "killed after " << operations << " operations");
    faulty_file_journal engine;
    ASSERT_TRUE(engine.open());
    engine.files().crash_after(operations);
    const progress made = run_until_power_cut(engine);
    crashed = engine.files().crashed();
    engine.close();
    engine.files().restart_process();
    ASSERT_TRUE(engine.open());
    const std::uint64_t seen = engine.log().last_batch(0).value();
    EXPECT_GE(seen, made.appended);
    const bool appends = operations % 2 == 1;
    ASSERT_TRUE(!appends || append_entries(engine.log(), seen + 1));
    engine.files().crash_after(0);
    engine.power_on(0);
    const auto opened = engine.open();
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(replay_entries(engine.log(), 0, made.trimmed),
              numbers(made.trimmed + 1, seen + (appends ? 1 : 0)));
  }
}

TEST(FileJournalFaultTest, FinishesAJournalWhoseCreationLostItsPower) {
  bool crashed = true;
  for (std::uint64_t operations = 0; crashed; ++operations) {
    SCOPED_TRACE(testing::Message() << "power cut after " << operations << " operations");
    faulty_file_journal engine;
    engine.files().crash_after(operations);
    crashed = !engine.open();
    engine.files().crash_after(0);
    engine.power_on(0);
    const auto opened = engine.open();
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_TRUE(append_entries(engine.log(), 1));
  }
}

// An earlier start may have made the directories and been killed, which a power cut does not undo.
TEST(FileJournalFaultTest, KeepsTheDirectoriesAboveANewDatabase) {
  bool was_killed = true;
  for (std::uint64_t operations = 0; was_killed; ++operations) {
    SCOPED_TRACE(testing::Message() << "killed after " << operations << " operations");
    faulty_file_journal engine(small_segments(), "one/two/data");
    engine.files().crash_after(operations);
    was_killed = !engine.open();
    engine.close();
    engine.files().restart_process();
    ASSERT_TRUE(engine.open());
    ASSERT_TRUE(append_entries(engine.log(), 1));
    engine.files().crash_after(0);
    engine.power_on(0);
    const auto opened = engine.open();
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(replay_entries(engine.log(), 0, 0), numbers(1, 1));
  }
}

TEST(FileJournalFaultTest, WaitsForRoomForANewSegmentAndLeavesNothingHalfMade) {
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  for (std::uint64_t n = 1; n <= 15; ++n) // the first segment is full
    ASSERT_TRUE(append_entries(engine.log(), n));
  engine.files().fail(file_operation::write, ".spare", 0, full());
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto refused = append_entries(engine.log(), 16);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::no_space) << refused.error().text;
    const std::filesystem::directory_iterator files(engine.path() / "journal");
    EXPECT_EQ(std::distance(begin(files), end(files)), 1);
  }
  EXPECT_EQ(replay_entries(engine.log(), 0, 0), numbers(1, 15)) << "reads go on";
  engine.files().heal();
  ASSERT_TRUE(append_entries(engine.log(), 16));
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay_entries(engine.log(), 1, 0), numbers(1, 16));
}

/// Files of the journal whose names end in `suffix`.
std::ptrdiff_t count_files(const faulty_file_journal& engine, std::string_view suffix) {
  const std::filesystem::directory_iterator files(engine.path() / "journal");
  return std::count_if(begin(files), end(files), [suffix](const auto& file) {
    return file.path().filename().string().ends_with(suffix);
  });
}

/// Opens the journal and appends batches 1 to 16, all but the last of them trimmed, so that there
/// is one spare.
void open_with_a_spare(faulty_file_journal& engine) {
  ASSERT_TRUE(engine.open());
  for (std::uint64_t n = 1; n <= 16; ++n)
    ASSERT_TRUE(append_entries(engine.log(), n));
  for (const std::uint32_t shard : {0U, 1U})
    ASSERT_TRUE(engine.log().trim(shard, 15));
  ASSERT_EQ(count_files(engine, ".spare"), 1);
}

TEST(FileJournalFaultTest, UsesASpareAgainAfterARotationThatFailed) {
  faulty_file_journal engine;
  ASSERT_NO_FATAL_FAILURE(open_with_a_spare(engine));
  std::uint64_t n = 16;
  engine.files().fail(file_operation::write, ".spare", 0, full());
  while (append_entries(engine.log(), ++n))
    ASSERT_LT(n, 100U);
  engine.files().heal();
  ASSERT_TRUE(append_entries(engine.log(), n));
  EXPECT_EQ(count_files(engine, ".spare"), 0) << "it is the new segment";
  EXPECT_EQ(count_files(engine, ".segment"), 2);
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay_entries(engine.log(), 0, 15), numbers(16, n));
}

TEST(FileJournalFaultTest, TriesANewSegmentAgainWhicheverStepFails) {
  std::uint64_t pass = 0;
  for (bool failed = true; failed; ++pass) {
    SCOPED_TRACE(testing::Message() << "after " << pass << " writes");
    faulty_file_journal engine;
    ASSERT_TRUE(engine.open());
    for (std::uint64_t n = 1; n <= 15; ++n)
      ASSERT_TRUE(append_entries(engine.log(), n));
    engine.files().fail(file_operation::write, "", pass, broken(), /*torn=*/true);
    failed = !append_entries(engine.log(), 16);
    EXPECT_EQ(failed, engine.files().failures() > 0);
    ASSERT_TRUE(engine.log().trim(0, 15)); // must not be noted where nobody will look for it
    engine.files().heal();
    ASSERT_TRUE(engine.log().trim(1, 15));
    ASSERT_TRUE(append_entries(engine.log(), failed ? 16 : 17));
    ASSERT_TRUE(engine.open());
    EXPECT_EQ(replay_entries(engine.log(), 0, 15), numbers(16, failed ? 16 : 17));
  }
  EXPECT_GT(pass, 2U) << "no write was made to fail";
}

/// Fails every write to files whose names end in `suffix`, as a bad place of the disk does.
void break_place(faulty_file_journal& engine, const std::string& suffix) {
  engine.files().fail(file_operation::write, suffix, 0, broken(), /*torn=*/true);
}

TEST(FileJournalFaultTest, GoesOnBehindABadPlaceOfTheDiskAndNeverUsesItAgain) {
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append_entries(engine.log(), 1));
  break_place(engine, "0000000001.segment"); // from now on, for ever
  EXPECT_EQ(append_entries(engine.log(), 2).error().code, errc::unavailable);
  for (std::uint64_t n = 2; n <= 60; ++n) {
    const auto appended = append_entries(engine.log(), n);
    ASSERT_TRUE(appended) << appended.error().text;
    for (const std::uint32_t shard : {0U, 1U})
      ASSERT_TRUE(engine.log().trim(shard, n - 1));
    EXPECT_FALSE(std::filesystem::exists(engine.path() / "journal" / "0000000001.spare"));
  }
  EXPECT_EQ(engine.files().failures(), 1U);
  EXPECT_FALSE(std::filesystem::exists(engine.path() / "journal" / "0000000001.segment"));
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay_entries(engine.log(), 0, 59), numbers(60, 60));
}

TEST(FileJournalFaultTest, ReadsWhatStandsBeforeABadPlaceAndBehindIt) {
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append_entries(engine.log(), 1));
  break_place(engine, ".segment");
  EXPECT_FALSE(append_entries(engine.log(), 2, 100'000));
  engine.files().heal();
  for (std::uint64_t n = 2; n <= 20; ++n)
    ASSERT_TRUE(append_entries(engine.log(), n));
  engine.files().crash_after(0);
  engine.power_on(0);
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay_entries(engine.log(), 1, 0), numbers(1, 20));
}

TEST(FileJournalFaultTest, EndsWhenANewSegmentCannotBeWrittenEither) {
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append_entries(engine.log(), 1));
  break_place(engine, "");
  const auto first = append_entries(engine.log(), 2);
  EXPECT_EQ(first.error().code, errc::unavailable);
  const auto second = append_entries(engine.log(), 2);
  EXPECT_EQ(second.error().code, errc::write_failed);
  for (const char* place : {"more than one place", "0000000001.segment", "0000000002.segment"})
    EXPECT_NE(second.error().text.find(place), std::string::npos) << second.error().text;
}

TEST(FileJournalFaultTest, TakesOneBadPlaceAfterAnotherIfWritesSucceedBetween) {
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  for (std::uint64_t n = 1; n <= 5; ++n) {
    engine.files().heal();
    ASSERT_TRUE(append_entries(engine.log(), 2 * n - 1));
    break_place(engine, ".segment");
    EXPECT_EQ(append_entries(engine.log(), 2 * n).error().code, errc::unavailable);
    engine.files().heal();
    ASSERT_TRUE(append_entries(engine.log(), 2 * n));
  }
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay_entries(engine.log(), 0, 0), numbers(1, 10));
}

TEST(FileJournalFaultTest, RemovesASpareThatCannotBeWrittenAndTakesANewFile) {
  faulty_file_journal engine;
  ASSERT_NO_FATAL_FAILURE(open_with_a_spare(engine));
  std::uint64_t n = 16;
  break_place(engine, "0000000001.spare");
  while (n < 40) {
    const auto appended = append_entries(engine.log(), ++n);
    ASSERT_TRUE(appended) << appended.error().text;
  }
  EXPECT_EQ(engine.files().failures(), 1U);
  EXPECT_EQ(count_files(engine, ".spare"), 0);
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay_entries(engine.log(), 0, 15), numbers(16, n));
}

TEST(FileJournalFaultTest, NotesAnOpeningBehindABadPlace) {
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append_entries(engine.log(), 1));
  break_place(engine, "0000000001.segment");
  const auto noted = engine.log().note_opening(7); // each start would fail there
  ASSERT_TRUE(noted) << noted.error().text;
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(engine.log().opening().value(), 7U);
}

TEST(FileJournalFaultTest, TrustsNothingAfterAFailedSync) {
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append_entries(engine.log(), 1));
  engine.files().fail(file_operation::sync, ".segment", 0, broken());
  EXPECT_EQ(append_entries(engine.log(), 2).error().code, errc::sync_failed);
  engine.files().heal();
  EXPECT_EQ(append_entries(engine.log(), 2).error().code, errc::sync_failed);
  EXPECT_EQ(engine.log().note_opening(3).error().code, errc::sync_failed);
}

TEST(FileJournalFaultTest, AsksForFreeSpaceNowAndThenOnly) {
  auto bounds = small_segments(1u << 20);
  bounds.min_free_bytes = 1000;
  bounds.space_check_interval = std::chrono::hours(1);
  faulty_file_journal engine(bounds);
  ASSERT_TRUE(engine.open());
  for (std::uint64_t n = 1; n <= 100; ++n)
    ASSERT_TRUE(append_entries(engine.log(), n));
  EXPECT_EQ(engine.files().space_questions(), 1U);
  engine.files().set_free_bytes(999);
  std::uint64_t n = 101;
  for (; append_entries(engine.log(), n); ++n) // until a new segment is needed
    ASSERT_LT(n, 300U);
  EXPECT_EQ(append_entries(engine.log(), n).error().code, errc::no_space);
  engine.files().set_free_bytes(std::nullopt);
  EXPECT_TRUE(append_entries(engine.log(), n));
}

} // namespace
} // namespace telemetry::test
