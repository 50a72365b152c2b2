// The journal in files on a disk that is full, fails, or loses its power.
#include "tests/contract/engines.hpp"
#include "tests/contract/journal_entries.hpp"

#include <vector>

namespace telemetry::test {
namespace {

using rocksdb::IOStatus;

struct append_fault {
  const char* name;
  errc expected;
  IOStatus (*error)();
  bool torn;
  std::size_t bytes;
};

class append_fault_test : public testing::TestWithParam<append_fault> {};
using FileJournalAppendFaultTest = append_fault_test;

IOStatus full() { return IOStatus::NoSpace("injected"); }
IOStatus broken() { return IOStatus::IOError("injected"); }

INSTANTIATE_TEST_SUITE_P(
    Faults, FileJournalAppendFaultTest,
    testing::Values(append_fault{"Full", errc::no_space, full, false, 100},
                    append_fault{"FullAndTorn", errc::no_space, full, true, 100},
                    append_fault{"FullAndTornInALargeRecord", errc::no_space, full, true,
                                 3'000'000},
                    append_fault{"Broken", errc::unavailable, broken, false, 100},
                    append_fault{"BrokenAndTorn", errc::unavailable, broken, true, 100'000}),
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
    EXPECT_EQ(failed.error().code, fault.expected) << failed.error().text;
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

} // namespace
} // namespace telemetry::test
