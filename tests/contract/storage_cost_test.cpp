// What the embedded engines ask of the disk, counted: writes, syncs, bytes.
#include "core/odometer.hpp"
#include "tests/contract/checkpoints.hpp"
#include "tests/contract/engines.hpp"
#include "tests/contract/journal_entries.hpp"

#include <array>
#include <random>
#include <vector>

namespace telemetry::test {
namespace {

/// What `work` asks of the disk.
template <class Work>
faulty_file_system::operation_counts count(const faulty_file_system& files, Work&& work) {
  const auto before = files.counts();
  work();
  const auto after = files.counts();
  return {after.writes - before.writes, after.written_bytes - before.written_bytes,
          after.syncs - before.syncs};
}

TEST(FileJournalCostTest, AnAppendIsOneWriteAndOneSync) {
  constexpr std::uint64_t appends = 100;
  constexpr std::uint64_t page_bytes = 4'096;
  faulty_file_journal engine(small_segments(1u << 20));
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append_entries(engine.log(), 1)); // its segment is there
  const auto took = count(engine.files(), [&] {
    for (std::uint64_t n = 2; n < 2 + appends; ++n)
      EXPECT_TRUE(append_entries(engine.log(), n)); // two shards each
  });
  EXPECT_EQ(took.writes, appends);
  EXPECT_EQ(took.syncs, appends);
  constexpr std::uint64_t zeros = 64 * page_bytes; // once for 65 records, here for the 66th
  EXPECT_EQ(took.written_bytes, appends * page_bytes + zeros) << "what is small takes one page";
  EXPECT_EQ(count(engine.files(), [&] { EXPECT_TRUE(append_entries(engine.log(), 102, 100'000)); })
                .writes,
            1U)
      << "as does what is large";
}

TEST(FileJournalCostTest, ATrimInsideASegmentAsksNothingOfTheDisk) {
  faulty_file_journal engine(small_segments(1u << 20));
  ASSERT_TRUE(engine.open());
  for (std::uint64_t n = 1; n <= 10; ++n)
    ASSERT_TRUE(append_entries(engine.log(), n));
  const auto took = count(engine.files(), [&] {
    EXPECT_TRUE(engine.log().trim(0, 9));
    EXPECT_TRUE(engine.log().trim(1, 9));
  });
  EXPECT_EQ(took.writes, 0U);
  EXPECT_EQ(took.syncs, 0U);
}

TEST(FileJournalCostTest, ASegmentThatIsUsedAgainCostsOneWriteAndThreeSyncs) {
  constexpr std::uint64_t appends = 320; // of a page each
  constexpr std::uint64_t segments = 22; // of 16 pages, the first their head
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  const auto append_and_trim = [&](std::uint64_t from) {
    for (std::uint64_t n = from; n < from + appends; ++n) {
      EXPECT_TRUE(append_entries(engine.log(), n));
      for (const std::uint32_t shard : {0, 1})
        EXPECT_TRUE(engine.log().trim(shard, n));
    }
  };
  append_and_trim(1);
  const auto took = count(engine.files(), [&] { append_and_trim(1 + appends); });
  EXPECT_LE(took.writes, appends + segments) << "its head; no room is reserved again";
  EXPECT_LE(took.syncs, appends + 3 * segments) << "its name as a spare, its head, its name";
  EXPECT_LE(took.written_bytes, (appends + segments) * 4'096) << "no zeros ahead: it was written";
}

/// Robots that walk some centimetres a second, and go on in the next checkpoint.
class walkers {
public:
  explicit walkers(std::size_t robots) : robots_(robots) {}

  /// The next `rows` of each.
  [[nodiscard]] checkpoint_builder walk(std::size_t rows) {
    checkpoint_builder what;
    for (std::size_t n = 0; n < robots_.size(); ++n) {
      std::vector<event_row> path;
      for (std::size_t i = 0; i < rows; ++i)
        path.push_back(step(robots_[n]));
      robots_[n].events += rows;
      what.robot("robot-" + std::to_string(n), n + 1, path, robots_[n].events);
    }
    ++cut_;
    what.marker({0, cut_, 0, 0, 0}).marker({1, cut_, 0, 0, 0});
    return what;
  }

private:
  struct walker {
    event_row last{1'600'000'000'000, {0, 0}, 0};
    std::int64_t x_cm = 0;
    std::int64_t y_cm = 0;
    std::uint64_t events = 0;
  };

  event_row step(walker& who) {
    who.x_cm += static_cast<std::int64_t>(random_() % 401) - 200;
    who.y_cm += static_cast<std::int64_t>(random_() % 401) - 200;
    const position at{static_cast<double>(who.x_cm) / 100, static_cast<double>(who.y_cm) / 100};
    const auto later = 900 + static_cast<timestamp_ms>(random_() % 200);
    who.last = {who.last.timestamp + later, at,
                who.events == 0 && who.last.odometer == 0
                    ? 0
                    : odometer_after(who.last.odometer, who.last.at, at)};
    return who.last;
  }

  std::vector<walker> robots_;
  std::mt19937_64 random_{1};
  std::uint64_t cut_ = 0;
};

std::uint64_t table_bytes(const std::filesystem::path& directory) {
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory))
    if (file.path().extension() == ".sst")
      bytes += file.file_size();
  return bytes;
}

TEST(RocksdbCostTest, EventsOfAWalkTakeFewBytesInTables) {
  constexpr std::size_t robots = 200;
  constexpr std::size_t rows = 100;
  constexpr std::size_t checkpoints = 3;
  faulty_database engine(0); // each as files
  ASSERT_TRUE(engine.open());
  walkers fleet(robots);
  const auto took = count(engine.files(), [&] {
    for (std::size_t n = 0; n < checkpoints; ++n)
      ASSERT_TRUE(engine.store().commit(fleet.walk(rows).get()));
  });
  constexpr double events = robots * rows * checkpoints;
  EXPECT_LE(static_cast<double>(table_bytes(engine.path())) / events, 5.5) << "measured: 4.35";
  EXPECT_LE(static_cast<double>(took.written_bytes) / events, 5.5) << "each is written once";
  EXPECT_LE(took.writes, checkpoints * 9) << "measured: 7 each";
  EXPECT_LE(took.syncs, checkpoints * 14) << "measured: 11 each";
}

TEST(RocksdbCostTest, ASmallCheckpointIsOneWriteAndOneSync) {
  constexpr std::uint64_t checkpoints = 10;
  faulty_database engine(1'000'000);
  ASSERT_TRUE(engine.open());
  walkers fleet(10);
  ASSERT_TRUE(engine.store().commit(fleet.walk(10).get())); // its log is there
  const auto took = count(engine.files(), [&] {
    for (std::uint64_t n = 0; n < checkpoints; ++n)
      ASSERT_TRUE(engine.store().commit(fleet.walk(10).get()));
  });
  EXPECT_EQ(took.writes, checkpoints);
  EXPECT_EQ(took.syncs, checkpoints);
}

} // namespace
} // namespace telemetry::test
