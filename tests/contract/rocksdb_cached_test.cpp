// Reads that may not wait for the disk: what they take from the kernel's page cache, and when not.
#include "storage/rocksdb/page_cache_only.hpp"
#include "storage/rocksdb/rocksdb_database.hpp"
#include "storage/rocksdb/rocksdb_event_store.hpp"
#include "tests/contract/checkpoints.hpp"
#include "tests/contract/engines.hpp"

#include <array>
#include <fcntl.h>
#include <fstream>
#include <random>
#include <sys/uio.h>
#include <unistd.h>

namespace telemetry::test {
namespace {

/// Whether files in `directory` can be read without waiting: not every file system can.
bool can_tell(const std::filesystem::path& directory) {
  const auto name = directory / "probe";
  std::ofstream(name) << "x";
  const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  char byte = 0;
  const iovec to{&byte, 1};
  const bool can = ::preadv2(file, &to, 1, 0, RWF_NOWAIT) == 1;
  ::close(file);
  return can;
}

TEST(PageCacheReadsTest, TakeWhatIsThereWholeOrNothingAndSoOftenAtMost) {
  const temporary_directory directory;
  const auto name = directory.path() / "table";
  std::ofstream(name) << "0123456789";
  const auto files = rocks::page_cache_files(rocksdb::FileSystem::Default());
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  ASSERT_TRUE(files->NewRandomAccessFile(name, {}, &file, nullptr).ok());
  std::array<char, 16> scratch{};
  rocksdb::Slice found;
  const auto read = [&](std::uint64_t offset, std::size_t bytes) {
    return file->Read(offset, bytes, {}, &found, scratch.data(), nullptr);
  };
  {
    const rocks::page_cache_only at_once(2);
    const auto status = read(2, 3);
    ASSERT_EQ(status.ok(), can_tell(directory.path()));
    EXPECT_EQ(found, status.ok() ? "234" : "");
    EXPECT_TRUE(read(8, 3).IsBusy()) << "two of three bytes";
    EXPECT_TRUE(found.empty());
    EXPECT_TRUE(read(2, 3).IsBusy()) << "the third read of two";
  }
  for (int n = 0; n < 3; ++n)
    EXPECT_TRUE(read(2, 3).ok());
  EXPECT_EQ(found, "234");
}

/// As many reads of files as the parameter says: they run out anywhere in a seek.
class rocksdb_cached_test : public testing::TestWithParam<std::size_t> {
protected:
  static constexpr timestamp_ms rows_each = 2'000; ///< of a robot in each checkpoint: every second

  void SetUp() override {
    options_.data_dir = directory_.path() / "data";
    options_.shards = 2;
    options_.cache_bytes = 8u << 20;
    reopen();
    std::array<timestamp_ms, 6> last{};
    for (int step = 0; step < 5; ++step) {
      checkpoint_builder what;
      for (const robot_id id : {1, 3, 5}) {
        std::vector<event_row> rows;
        for (timestamp_ms n = 0; n < rows_each; ++n)
          rows.push_back(row_at(last[id] += 2));
        what.robot("robot " + std::to_string(id), id, rows);
      }
      ASSERT_TRUE(store_->commit(what.get()));
    }
  }
  void reopen() {
    store_.reset();
    const auto home = data_directory::open(options_);
    ASSERT_TRUE(home) << home.error().text;
    const auto opened = rocks::rocksdb_database::open(*home, options_);
    ASSERT_TRUE(opened) << opened.error().text;
    store_ = std::make_unique<rocks::rocksdb_event_store>(*opened, 0, GetParam());
  }

  temporary_directory directory_;
  storage_options options_;
  std::unique_ptr<event_store> store_;
};
using RocksdbCachedTest = rocksdb_cached_test;
INSTANTIATE_TEST_SUITE_P(FileReads, RocksdbCachedTest, testing::Values(0U, 1U, 2U, 3U, 8U));

TEST_P(RocksdbCachedTest, AnswersAreRightOrNoneWhereverReadsRunOut) {
  const std::uint64_t seed = 20'261'127;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  int answered = 0;
  constexpr int reads = 1'000;
  for (int n = 0; n < reads; ++n) {
    if (n % 50 == 0)
      reopen();
    const robot_id id = random() % 7;
    const auto from = static_cast<timestamp_ms>(random() % (11 * rows_each)); // 10 have rows
    const auto to = from + static_cast<timestamp_ms>(random() % (n % 2 == 0 ? 4 : 20'000));
    const auto name = "robot " + std::to_string(id);
    const bool exists = id == 1 || id == 3 || id == 5;
    if (const auto row = store_->cached_robot(name)) {
      ASSERT_EQ(row->has_value(), exists) << name;
    }
    if (const auto ends = store_->cached_ends(id, from, to)) {
      ++answered;
      const auto first = std::max<timestamp_ms>(2, from + from % 2);
      const auto last = std::min(10 * rows_each, to - to % 2);
      const bool any = exists && first <= last;
      ASSERT_EQ(ends->first, any ? std::optional(row_at(first)) : std::nullopt)
          << id << ' ' << from;
      ASSERT_EQ(ends->last, any ? std::optional(row_at(last)) : std::nullopt) << id << ' ' << to;
    }
    if (GetParam() == 0 && n % 5 == 0) { // else RocksDB's own cache would stay empty
      ASSERT_TRUE(store_->ends(id, from, to));
    }
  }
  if (GetParam() == 8 && can_tell(directory_.path())) {
    EXPECT_EQ(answered, reads) << "the kernel has it all, since it was just written";
  } else {
    EXPECT_LT(answered, reads);
  }
  EXPECT_GT(answered, 0);
}

} // namespace
} // namespace telemetry::test
