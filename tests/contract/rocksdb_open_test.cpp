// Which directories are opened, and what damage is refused, forgiven or left alone.
#include "tests/contract/checkpoints.hpp"
#include "tests/contract/engines.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

namespace telemetry::test {
namespace {

namespace fs = std::filesystem;

class rocksdb_open_test : public testing::Test {
protected:
  temporary_directory directory_;
  fs::path data_ = directory_.path() / "data";

  result<storage> open(std::uint32_t shards = 2) {
    storage_options options;
    options.data_dir = data_;
    options.shards = shards;
    options.min_free_bytes = 0;
    options.cache_bytes = 8u << 20;
    return open_storage(options);
  }
  errc refusal(std::uint32_t shards = 2) {
    const auto opened = open(shards);
    EXPECT_FALSE(opened);
    if (opened)
      return errc::timeout;
    text_ = opened.error().text;
    return opened.error().code;
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(data_);
    std::ofstream(data_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(const fs::path& path) const {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  /// Names and contents of everything below the directory.
  [[nodiscard]] std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> found;
    if (fs::exists(data_))
      for (const auto& file : fs::recursive_directory_iterator(data_))
        found[file.path()] = file.is_regular_file() ? read(file.path()) : "";
    return found;
  }
  /// The write-ahead log that holds the checkpoints, which is the largest.
  [[nodiscard]] fs::path log_file() const {
    fs::path largest;
    for (const auto& file : fs::directory_iterator(data_))
      if (file.path().extension() == ".log" &&
          (largest.empty() || file.file_size() > fs::file_size(largest)))
        largest = file.path();
    return largest;
  }
  /// Makes a database whose log holds 20 checkpoints of 20 rows each.
  void fill() {
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().text;
    for (timestamp_ms n = 0; n < 20; ++n) {
      checkpoint_builder what;
      std::vector<event_row> rows;
      for (timestamp_ms t = 20 * n; t < 20 * (n + 1); ++t)
        rows.push_back(row_at(t));
      what.robot("r", 1, rows);
      ASSERT_TRUE(opened->store->commit(what.get()));
    }
  }
  static std::size_t rows(const storage& opened) {
    return opened.store->scan(1, 0, timestamp_max, 100'000)->size();
  }

  std::string text_; ///< of the last refusal
};

using RocksdbOpenTest = rocksdb_open_test;

TEST_F(RocksdbOpenTest, CreatesTheDirectoryAndItsParents) {
  data_ = directory_.path() / "a" / "b";
  const auto opened = open(5);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(opened->shards, 5U);
  EXPECT_EQ(opened->description, "rocksdb 7.8.3");
  EXPECT_GT(opened->free_bytes().value(), 0U);
  EXPECT_EQ(read(data_ / "FORMAT"), "telemetryd format 3 shards 5\n");
}

TEST_F(RocksdbOpenTest, UsesAnEmptyDirectoryAndAFreshFileSystem) {
  fs::create_directories(data_ / "lost+found");
  EXPECT_TRUE(open());
}

TEST_F(RocksdbOpenTest, KeepsTheNumberOfShardsOfAnExistingDatabase) {
  ASSERT_TRUE(open(3));
  EXPECT_EQ(open(8)->shards, 3U);
}

TEST_F(RocksdbOpenTest, RefusesASecondOpenAndAllowsItAfterTheFirstClosed) {
  {
    const auto first = open();
    ASSERT_TRUE(first);
    EXPECT_EQ(refusal(), errc::locked);
    EXPECT_NE(text_.find("in use by another process"), std::string::npos) << text_;
  }
  EXPECT_TRUE(open());
}

TEST_F(RocksdbOpenTest, LeavesAForeignDirectoryAsItIs) {
  write("holiday.jpg", "not ours");
  const auto before = contents();
  EXPECT_EQ(refusal(), errc::version);
  EXPECT_EQ(contents(), before);
}

TEST_F(RocksdbOpenTest, LeavesAForeignRocksdbAsItIs) {
  ASSERT_TRUE(open());
  fs::remove(data_ / "FORMAT");
  const auto before = contents();
  EXPECT_EQ(refusal(), errc::version);
  EXPECT_EQ(contents(), before);
}

TEST_F(RocksdbOpenTest, RefusesANewerFormatAndNamesIt) {
  ASSERT_TRUE(open());
  write("FORMAT", "telemetryd format 4 shards 8\n");
  const auto before = contents();
  EXPECT_EQ(refusal(), errc::version);
  EXPECT_NE(text_.find("format 4"), std::string::npos) << text_;
  EXPECT_EQ(contents(), before);
}

TEST_F(RocksdbOpenTest, BringsTheFormatBeforeUpToDateAndKeepsItsRows) {
  fill();
  const std::string now = read(data_ / "FORMAT");
  std::string before = now;
  before.replace(before.find("format 3"), 8, "format 2");
  write("FORMAT", before);
  {
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(rows(*opened), 400U);
    EXPECT_EQ(read(data_ / "FORMAT"), now)
        << "a program that knows format 2 only must refuse it from now on";
  }
  EXPECT_EQ(rows(*open()), 400U);
}

TEST_F(RocksdbOpenTest, RefusesAFormatThatIsTooOldAndSaysWhatToDo) {
  ASSERT_TRUE(open());
  write("FORMAT", "telemetryd format 1 shards 8\n");
  const auto before = contents();
  EXPECT_EQ(refusal(), errc::version);
  EXPECT_NE(text_.find("format 1, which"), std::string::npos) << text_;
  EXPECT_NE(text_.find("name a new directory"), std::string::npos) << text_;
  EXPECT_EQ(contents(), before);
}

TEST_F(RocksdbOpenTest, RefusesADamagedFormatFile) {
  ASSERT_TRUE(open());
  for (const std::string text :
       {"", "telemetryd format 3 shards 0\n", "telemetryd format 3 shards 8", "telemetryd format",
        "telemetryd format 3 shards 99999\n"}) {
    write("FORMAT", text);
    const errc code = refusal();
    EXPECT_TRUE(code == errc::corrupt || code == errc::version) << text;
    EXPECT_NE(text_.find("FORMAT"), std::string::npos) << text_;
    EXPECT_EQ(read(data_ / "FORMAT"), text);
  }
}

TEST_F(RocksdbOpenTest, FinishesADatabaseWhoseCreationWasKilled) {
  write("FORMAT", "");
  EXPECT_EQ(open(4)->shards, 4U);
}

TEST_F(RocksdbOpenTest, RefusesImpossibleOptions) {
  EXPECT_EQ(refusal(0), errc::invalid_option);
  EXPECT_EQ(refusal(65'537), errc::invalid_option);
  EXPECT_FALSE(fs::exists(data_));
  std::ofstream(data_.string()) << "a file";
  EXPECT_EQ(refusal(), errc::invalid_option);
}

TEST_F(RocksdbOpenTest, RefusesADirectoryThatLostCurrent) {
  fill();
  {
    auto opened = open(); // writes the log's rows to a table
    ASSERT_TRUE(opened);
  }
  fs::remove(data_ / "CURRENT");
  const auto before = contents();
  EXPECT_EQ(refusal(), errc::corrupt);
  EXPECT_EQ(contents(), before);
}

TEST_F(RocksdbOpenTest, RemovesWhatAKilledCheckpointLeft) {
  ASSERT_TRUE(open());
  write("checkpoint/2.sst", "half a file");
  ASSERT_TRUE(open());
  EXPECT_TRUE(fs::is_empty(data_ / "checkpoint"));
}

TEST_F(RocksdbOpenTest, ForgivesALogThatWasCutShort) {
  fill();
  const fs::path log = log_file();
  fs::resize_file(log, fs::file_size(log) - 100);
  auto opened = open();
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(rows(*opened), 19U * 20U);
}

TEST_F(RocksdbOpenTest, RefusesAFlippedByteInTheMiddleOfTheLog) {
  fill();
  const fs::path log = log_file();
  const std::string intact = read(log);
  for (const std::size_t at : {intact.size() / 10, intact.size() / 2, intact.size() * 3 / 4}) {
    std::string damaged = intact;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::ofstream(log, std::ios::binary) << damaged;
    EXPECT_EQ(refusal(), errc::corrupt) << "byte " << at;
    EXPECT_NE(text_.find(log.string()), std::string::npos) << text_;
    std::ofstream(log, std::ios::binary) << intact;
  }
  auto opened = open();
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(rows(*opened), 20U * 20U);
}

TEST_F(RocksdbOpenTest, RefusesAMissingTable) {
  fill();
  ASSERT_TRUE(open()); // writes the log's rows to a table
  for (const auto& file : fs::directory_iterator(data_))
    if (file.path().extension() == ".sst")
      fs::remove(file.path());
  const errc code = refusal();
  EXPECT_EQ(code, errc::corrupt) << text_;
}

TEST_F(RocksdbOpenTest, ReportsADamagedTableWhenItIsRead) {
  {
    auto opened = open();
    ASSERT_TRUE(opened);
    checkpoint_builder what;
    std::vector<event_row> rows;
    for (timestamp_ms t = 0; t < 20'000; ++t)
      rows.push_back(row_at(t));
    what.robot("r", 1, rows);
    ASSERT_TRUE(opened->store->commit(what.get()));
  }
  ASSERT_TRUE(open());
  fs::path largest;
  for (const auto& file : fs::directory_iterator(data_))
    if (file.path().extension() == ".sst" &&
        (largest.empty() || file.file_size() > fs::file_size(largest)))
      largest = file.path();
  std::string table = read(largest);
  table[table.size() / 2] = static_cast<char>(table[table.size() / 2] ^ 1);
  std::ofstream(largest, std::ios::binary) << table;
  auto opened = open();
  ASSERT_TRUE(opened) << opened.error().text;
  const auto rows = opened->store->scan(1, 0, timestamp_max, 100'000);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, errc::damaged_row);
  EXPECT_NE(rows.error().text.find("events"), std::string::npos) << rows.error().text;
}

} // namespace
} // namespace telemetry::test
