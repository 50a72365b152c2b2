// A MANIFEST whose end was cut or altered makes RocksDB open an older state without a word. A start
// must then find every answered event in journal and store, or refuse.
#include "tests/contract/checkpoints.hpp"
#include "tests/contract/engines.hpp"
#include "tests/contract/journal_entries.hpp"
#include "tests/support/soak.hpp"

#include <fstream>
#include <sstream>

namespace telemetry::test {
namespace {

namespace fs = std::filesystem;

/// Batch n of each of the two shards is the event at timestamp n of that shard's robot.
class rocksdb_manifest_test : public testing::Test {
protected:
  static constexpr std::uint64_t ingested = 5'000; ///< rows and robots enough for an ingest
  temporary_directory directory_;
  fs::path intact_ = directory_.path() / "intact";
  fs::path damaged_ = directory_.path() / "damaged";
  std::uint64_t appended_ = 0;
  std::uint64_t stored_ = 0;

  static result<storage> open(const fs::path& path) {
    storage_options options;
    options.data_dir = path;
    options.shards = 2;
    options.min_free_bytes = 0;
    options.cache_bytes = 8u << 20;
    return open_storage(options);
  }
  void append(storage& to, std::uint64_t batches) {
    for (const std::uint64_t end = appended_ + batches; appended_ < end;)
      ASSERT_TRUE(append_entries(*to.journal, ++appended_, 10));
  }
  /// Takes all that was appended into the store, and trims the journal.
  /// @param others robots beside the two, which make the checkpoint large.
  void store(storage& to, std::uint64_t others = 0) {
    std::vector<timestamp_ms> timestamps;
    for (std::uint64_t n = stored_ + 1; n <= appended_; ++n)
      timestamps.push_back(static_cast<timestamp_ms>(n));
    checkpoint_builder what;
    for (const std::uint32_t shard : {0U, 1U}) {
      what.robot("robot" + std::to_string(shard), robot_of(shard), rows_at(timestamps));
      what.marker({shard, appended_, 1, 0, 1 + others});
    }
    for (std::uint64_t n = 1; n <= others; ++n)
      what.robot("other" + std::to_string(n), robot_of(0) + n, rows_at({1}));
    const auto committed = to.store->commit(what.get());
    ASSERT_TRUE(committed) << committed.error().text;
    stored_ = appended_;
    for (const std::uint32_t shard : {0U, 1U})
      ASSERT_TRUE(to.journal->trim(shard, stored_));
  }
  static robot_id robot_of(std::uint32_t shard) { return robot_id{shard} << 48 | 1; }

  [[nodiscard]] static std::string read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  [[nodiscard]] fs::path manifest() const {
    std::string name = read(intact_ / "CURRENT");
    name.pop_back();
    return name;
  }
  /// A copy of the directory with another manifest. Tables are never written again: links do.
  void copy_with(const std::string& content) const {
    fs::remove_all(damaged_);
    for (const auto& file : fs::recursive_directory_iterator(intact_)) {
      const fs::path to = damaged_ / fs::relative(file.path(), intact_);
      fs::create_directories(to.parent_path());
      if (file.path().extension() == ".sst")
        fs::create_hard_link(file.path(), to);
      else if (file.is_regular_file())
        fs::copy_file(file.path(), to);
    }
    std::ofstream(damaged_ / manifest(), std::ios::binary) << content;
  }
  /// Every event of `shard` is in the store up to the cut, with its robot row, or in the journal.
  void expect_all(storage& opened, std::uint32_t shard, const std::string& what) const {
    const auto cut = (*opened.store->markers())[shard].cut;
    const auto rows = opened.store->scan(robot_of(shard), 0, timestamp_max, 100'000);
    ASSERT_TRUE(rows) << what << rows.error().text;
    EXPECT_GE(rows->size(), cut) << what;
    const std::string name = "robot" + std::to_string(shard);
    const std::string_view names[] = {name};
    const auto robot = opened.store->robots(names);
    ASSERT_TRUE(robot) << what << robot.error().text;
    const auto& row = robot->front().value();
    const timestamp_ms last = row ? row->state.last_timestamp : 0;
    EXPECT_EQ(last, rows->empty() ? 0 : rows->back().timestamp) << what;
    EXPECT_EQ(replay_entries(*opened.journal, shard, cut), numbers(cut + 1, appended_)) << what;
  }
  /// Opens twice, since a start that refuses may have written, and must not be passed by the next.
  void try_manifest(const std::string& content, const std::string& what) {
    copy_with(content);
    for (const char* const attempt : {", first start: ", ", second start: "}) {
      auto opened = open(damaged_);
      (opened ? opened_ : refused_) += 1;
      if (!opened) {
        EXPECT_EQ(opened.error().code, errc::corrupt) << what << opened.error().text;
        EXPECT_NE(opened.error().text.find(damaged_), std::string::npos) << opened.error().text;
        continue;
      }
      for (const std::uint32_t shard : {0U, 1U})
        expect_all(*opened, shard, what + attempt);
    }
  }
  /// Cuts and alters the manifest at each of its last bytes; without soak at some of them.
  void damage_everywhere() {
    const std::string whole = read(intact_ / manifest());
    const std::size_t tried = std::min<std::size_t>(whole.size(), 700);
    const std::size_t stride = is_soak() ? 1 : 11;
    for (std::size_t at = whole.size() - tried; at < whole.size(); at += stride) {
      try_manifest(whole.substr(0, at), "cut at byte " + std::to_string(at));
      if (HasFailure())
        return;
      std::string altered = whole;
      altered[at] = static_cast<char>(altered[at] ^ 0x10);
      try_manifest(altered, "altered at byte " + std::to_string(at));
      if (HasFailure())
        return;
    }
    EXPECT_GT(refused_, 0U);
  }
  std::size_t opened_ = 0;
  std::size_t refused_ = 0;
};

using RocksdbManifestTest = rocksdb_manifest_test;

TEST_F(RocksdbManifestTest, LosesNothingOfWhatAStartWroteToTables) {
  {
    auto made = open(intact_);
    ASSERT_TRUE(made) << made.error().text;
    append(*made, 3);
    store(*made);
    append(*made, 3);
    store(*made);
    append(*made, 2); // the trims are durable with it
  }
  ASSERT_TRUE(open(intact_)); // writes the log's rows to tables
  damage_everywhere();
}

TEST_F(RocksdbManifestTest, LosesNothingOfWhatAnIngestFlushed) {
  {
    auto made = open(intact_);
    ASSERT_TRUE(made) << made.error().text;
    append(*made, 3);
    store(*made);
    append(*made, 3);
    store(*made, ingested); // flushes, and adds files
    append(*made, 3);
    store(*made); // in a log that begins behind the flush
    append(*made, 2);
  }
  damage_everywhere();
}

} // namespace
} // namespace telemetry::test
