// The embedded engine on a disk that is full, fails, or loses its power.
#include "tests/contract/checkpoints.hpp"
#include "tests/contract/engines.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>
#include <vector>

namespace telemetry::test {
namespace {

using rocksdb::IOStatus;

constexpr std::size_t as_batches = std::numeric_limits<std::size_t>::max();
constexpr std::size_t as_files = 0;
constexpr std::size_t as_both = 3; // checkpoints of 2 rows as batches, of 4 as files

result<void> append(faulty_rocksdb& engine, std::uint64_t batch_no, std::size_t bytes = 100) {
  const std::string payload(bytes, static_cast<char>('a' + batch_no % 26));
  const std::array<std::string_view, 1> parts{payload};
  const std::array batches{
      journal_batch{0, 1, {batch_no, 1, 0, 0}, record_kind::events, parts},
      journal_batch{1, 1, {batch_no, 1, 0, 0}, record_kind::events, parts},
  };
  return engine.log().append(batches);
}

/// Rows (from, to] of one robot, and a marker that says so for both shards. Of three rows or more
/// another robot has the same: only those are ingested where both ways are taken.
result<void> commit(faulty_rocksdb& engine, std::uint64_t from, std::uint64_t to) {
  std::vector<event_row> rows;
  for (std::uint64_t n = from + 1; n <= to; ++n)
    rows.push_back(row_at(static_cast<timestamp_ms>(n)));
  checkpoint_builder what;
  what.robot("r", 1, rows, to).marker({0, to, 0, 0, 0}).marker({1, to, 0, 0, 0});
  if (rows.size() >= 3)
    what.robot("twin", 2, rows, to);
  return engine.store().commit(what.get());
}

/// Entries of `shard` behind `after`; fails the test if the log is damaged or has a hole.
std::vector<std::uint64_t> replay(faulty_rocksdb& engine, std::uint32_t shard,
                                  std::uint64_t after) {
  std::vector<std::uint64_t> seen;
  const auto outcome = engine.log().replay(shard, after, [&](const journal_batch& batch) {
    seen.push_back(batch.stamp.batch_no);
    const std::string_view payload = batch.payload[0];
    EXPECT_TRUE(std::all_of(payload.begin(), payload.end(),
                            [&](char c) { return c == 'a' + int(batch.stamp.batch_no % 26); }));
    return result<void>();
  });
  EXPECT_TRUE(outcome) << outcome.error().text;
  return seen;
}

std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t n = from; n <= to; ++n)
    all.push_back(n);
  return all;
}

/// The store holds the checkpoints up to its marker, and nothing else of anything.
/// @returns the cut.
std::uint64_t expect_whole_checkpoints(faulty_rocksdb& engine) {
  const auto markers = engine.store().markers();
  EXPECT_TRUE(markers);
  const std::uint64_t cut = (*markers)[0].cut;
  EXPECT_EQ((*markers)[1].cut, cut);
  EXPECT_EQ(engine.store().scan(1, 0, timestamp_max, 1000)->size(), cut);
  const auto robot = engine.store().robots(std::array<std::string_view, 1>{"r"}).value()[0];
  EXPECT_EQ(robot ? robot->state.events : 0, cut);
  return cut;
}

TEST(RocksdbFaultTest, RefusesToAppendBelowTheReserveAndGoesOnAbove) {
  faulty_rocksdb engine(as_batches, 1000);
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append(engine, 1));
  engine.files().set_free_bytes(999);
  const auto refused = append(engine, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::no_space);
  EXPECT_NE(refused.error().text.find("999 bytes free"), std::string::npos);
  EXPECT_EQ(replay(engine, 0, 0), numbers(1, 1));
  EXPECT_TRUE(commit(engine, 0, 1)) << "a checkpoint may use part of the reserve";
  engine.files().set_free_bytes(100);
  EXPECT_EQ(commit(engine, 1, 2).error().code, errc::no_space);
  engine.files().set_free_bytes(std::nullopt);
  EXPECT_TRUE(append(engine, 2));
  EXPECT_EQ(replay(engine, 1, 1), numbers(2, 2));
}

struct append_fault {
  const char* name;
  errc expected;
  IOStatus (*error)();
  bool torn;
  std::size_t bytes;
};

class append_fault_test : public testing::TestWithParam<append_fault> {};
using RocksdbAppendFaultTest = append_fault_test;

IOStatus full() { return IOStatus::NoSpace("injected"); }
IOStatus broken() { return IOStatus::IOError("injected"); }

INSTANTIATE_TEST_SUITE_P(
    Faults, RocksdbAppendFaultTest,
    testing::Values(append_fault{"Full", errc::no_space, full, false, 100},
                    append_fault{"FullAndTorn", errc::no_space, full, true, 100},
                    append_fault{"FullAndTornInALargeRecord", errc::no_space, full, true,
                                 3'000'000},
                    append_fault{"Broken", errc::unavailable, broken, false, 100},
                    append_fault{"BrokenAndTorn", errc::unavailable, broken, true, 100'000}),
    [](const auto& kind) { return std::string(kind.param.name); });

TEST_P(RocksdbAppendFaultTest, KeepsWhatWasAcknowledgedAndTakesTheRetryOnce) {
  const append_fault& fault = GetParam();
  faulty_rocksdb engine(as_batches);
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append(engine, 1, fault.bytes));
  ASSERT_TRUE(append(engine, 2, fault.bytes));
  engine.files().fail(file_operation::write, "", 0, fault.error(), fault.torn);
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto failed = append(engine, 3, fault.bytes);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, fault.expected) << failed.error().text;
    EXPECT_EQ(replay(engine, 0, 0), numbers(1, 2)) << "reads go on";
  }
  EXPECT_GT(engine.files().failures(), 0U);
  engine.files().heal();
  for (std::uint64_t n = 3; n <= 5; ++n) {
    const auto appended = append(engine, n, fault.bytes);
    ASSERT_TRUE(appended) << appended.error().text;
  }
  EXPECT_EQ(replay(engine, 0, 0), numbers(1, 5));
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay(engine, 0, 0), numbers(1, 5));
  EXPECT_EQ(replay(engine, 1, 0), numbers(1, 5));
}

TEST_P(RocksdbAppendFaultTest, SurvivesAPowerCutAfterTheRetry) {
  const append_fault& fault = GetParam();
  faulty_rocksdb engine(as_batches);
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append(engine, 1, fault.bytes));
  engine.files().fail(file_operation::write, ".log", 0, fault.error(), fault.torn);
  EXPECT_FALSE(append(engine, 2, fault.bytes));
  engine.files().heal();
  ASSERT_TRUE(append(engine, 2, fault.bytes));
  ASSERT_TRUE(append(engine, 3, fault.bytes));
  engine.files().crash_after(0);
  engine.power_on(0);
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay(engine, 0, 0), numbers(1, 3));
}

TEST(RocksdbFaultTest, RecoversFromAFlushThatFoundTheDiskFull) {
  faulty_rocksdb engine(as_batches);
  ASSERT_TRUE(engine.open());
  engine.files().fail(file_operation::write, ".sst", 0, full());
  std::uint64_t n = 0;
  result<void> outcome;
  while (outcome && n < 200) // memtables of 2 MB: the flush comes soon
    outcome = append(engine, ++n, 200'000);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::no_space) << outcome.error().text;
  engine.files().heal();
  ASSERT_TRUE(append(engine, n, 200'000));
  EXPECT_EQ(replay(engine, 0, 0), numbers(1, n));
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay(engine, 1, 0), numbers(1, n));
}

class checkpoint_fault_test : public testing::TestWithParam<std::size_t> {};
using RocksdbCheckpointFaultTest = checkpoint_fault_test;
INSTANTIATE_TEST_SUITE_P(Ways, RocksdbCheckpointFaultTest,
                         testing::Values(as_batches, as_files, as_both), [](const auto& kind) {
                           return std::string(kind.param == as_files  ? "Files"
                                              : kind.param == as_both ? "Both"
                                                                      : "Batches");
                         });

TEST_P(RocksdbCheckpointFaultTest, IsWholeOrAbsentWhicheverWriteFailsAndIsTakenOnRetry) {
  std::uint64_t pass = 0;
  for (bool failed = true; failed; ++pass) {
    SCOPED_TRACE(testing::Message() << "after " << pass << " writes");
    faulty_rocksdb engine(GetParam());
    ASSERT_TRUE(engine.open());
    ASSERT_TRUE(append(engine, 1));
    ASSERT_TRUE(commit(engine, 0, 1));
    ASSERT_TRUE(append(engine, 2));
    engine.files().fail(file_operation::write, "", pass, full(), /*torn=*/true);
    const auto outcome = commit(engine, 1, 2);
    failed = engine.files().failures() > 0;
    EXPECT_EQ(bool(outcome), !failed);
    if (!outcome) {
      EXPECT_EQ(outcome.error().code, errc::no_space) << outcome.error().text;
    }
    expect_whole_checkpoints(engine);
    engine.files().heal();
    const auto retried = commit(engine, 1, 2);
    ASSERT_TRUE(retried) << retried.error().text;
    EXPECT_EQ(expect_whole_checkpoints(engine), 2U);
    ASSERT_TRUE(append(engine, 3));
    ASSERT_TRUE(engine.open());
    EXPECT_EQ(expect_whole_checkpoints(engine), 2U);
    EXPECT_EQ(replay(engine, 0, 0), numbers(1, 3));
  }
  EXPECT_GT(pass, 1U) << "no write was made to fail";
}

TEST_P(RocksdbCheckpointFaultTest, NamesAFailedSyncAndTrustsNothingAfterIt) {
  std::uint64_t pass = 0;
  for (bool failed = true; failed; ++pass) {
    SCOPED_TRACE(testing::Message() << "after " << pass << " syncs");
    faulty_rocksdb engine(GetParam());
    ASSERT_TRUE(engine.open());
    ASSERT_TRUE(append(engine, 1));
    engine.files().fail(file_operation::sync, "", pass, broken());
    result<void> outcome = append(engine, 2);
    if (outcome)
      outcome = commit(engine, 0, 2);
    failed = engine.files().failures() > 0;
    EXPECT_EQ(bool(outcome), !failed);
    if (!outcome) {
      EXPECT_EQ(outcome.error().code, errc::sync_failed) << outcome.error().text;
      engine.files().heal();
      EXPECT_EQ(append(engine, 2).error().code, errc::sync_failed);
      EXPECT_EQ(commit(engine, 0, 1).error().code, errc::sync_failed);
    }
  }
  EXPECT_GT(pass, 1U) << "no sync was made to fail";
}

/// What was acknowledged, or at least begun, before the power cut.
struct progress {
  std::uint64_t appended = 0;       ///< acknowledged
  std::uint64_t begun = 0;          ///< given to append()
  std::uint64_t committed = 0;      ///< acknowledged, and an append was acknowledged after it
  std::uint64_t committed_last = 0; ///< acknowledged
};

/// Appends, checkpoints and trims until the power fails, or the end.
progress run_until_power_cut(faulty_rocksdb& engine) {
  progress made;
  const auto append_up_to = [&](std::uint64_t last) {
    while (made.begun < last) {
      if (!append(engine, ++made.begun))
        return false;
      made.appended = made.begun;
      made.committed = made.committed_last;
    }
    return true;
  };
  const auto checkpoint_up_to = [&](std::uint64_t cut) {
    if (!commit(engine, made.committed_last, cut))
      return false;
    made.committed_last = cut;
    return bool(engine.log().trim(0, cut)) && bool(engine.log().trim(1, cut));
  };
  // Two checkpoints without an append between: nothing but the second one syncs the first.
  static_cast<void>(append_up_to(6) && checkpoint_up_to(2) && checkpoint_up_to(6) &&
                    append_up_to(9) && checkpoint_up_to(8) && append_up_to(10));
  return made;
}

void expect_nothing_lost(faulty_rocksdb& engine, const progress& made) {
  const std::uint64_t cut = expect_whole_checkpoints(engine);
  EXPECT_GE(cut, made.committed);
  EXPECT_LE(cut, made.begun);
  for (const std::uint32_t shard : {0U, 1U}) {
    const std::vector<std::uint64_t> left = replay(engine, shard, cut);
    const std::uint64_t last = std::max(cut, left.empty() ? 0 : left.back());
    EXPECT_EQ(left, numbers(cut + 1, last));
    EXPECT_GE(last, made.appended);
    EXPECT_LE(last, made.begun);
  }
}

TEST_P(RocksdbCheckpointFaultTest, LosesNothingWheneverThePowerFails) {
  bool crashed = true;
  // RocksDB waits a second after a flush that failed: with files, not every point is visited.
  const std::uint64_t stride = GetParam() == as_batches ? 1 : 3;
  for (std::uint64_t operations = 0; crashed && !HasFailure(); operations += stride) {
    SCOPED_TRACE(testing::Message() << "power cut after " << operations << " operations");
    faulty_rocksdb engine(GetParam());
    ASSERT_TRUE(engine.open());
    engine.files().crash_after(operations);
    const progress made = run_until_power_cut(engine);
    crashed = engine.files().crashed();
    if (!crashed) {
      EXPECT_GT(operations, 20U);
      EXPECT_EQ(made.appended, 10U);
      engine.files().crash_after(0);
    }
    engine.power_on(operations % 2 * 50); // with and without a torn end
    const auto opened = engine.open();
    ASSERT_TRUE(opened) << opened.error().text;
    expect_nothing_lost(engine, made);
  }
}

TEST(RocksdbFaultTest, FinishesADatabaseWhoseCreationLostItsPower) {
  bool crashed = true;
  for (std::uint64_t operations = 0; crashed; operations += 3) {
    SCOPED_TRACE(testing::Message() << "power cut after " << operations << " operations");
    faulty_rocksdb engine(as_batches);
    engine.files().crash_after(operations);
    crashed = !engine.open();
    engine.files().crash_after(0);
    engine.power_on(0);
    const auto opened = engine.open();
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_TRUE(append(engine, 1));
  }
}

} // namespace
} // namespace telemetry::test
