// What a start makes of the journal's files: torn ends, damage, foreign and missing segments,
// earlier lives of a file, and what was trimmed.
#include "tests/contract/engines.hpp"
#include "tests/contract/journal_entries.hpp"
#include "tests/support/soak.hpp"

#include <fstream>
#include <map>
#include <sstream>

namespace telemetry::test {
namespace {

namespace fs = std::filesystem;
using journal_files::journal_page_bytes;

constexpr std::size_t segment_bytes = 64u << 10; // small_segments()

class file_journal_open_test : public testing::Test {
protected:
  faulty_file_journal engine_;

  [[nodiscard]] fs::path dir() const { return engine_.path() / "journal"; }
  [[nodiscard]] fs::path segment(std::uint64_t number) const {
    return dir() / journal_files::journal_file_name(number, journal_files::segment_suffix);
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& file : fs::directory_iterator(dir()))
      found.push_back(file.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }
  [[nodiscard]] std::uint64_t disk_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& file : fs::directory_iterator(dir()))
      bytes += file.file_size();
    return bytes;
  }
  static std::string read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  static void write(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }
  void must_open() {
    const auto opened = engine_.open();
    ASSERT_TRUE(opened) << opened.error().text;
  }
  void must_append(std::uint64_t from, std::uint64_t to, std::size_t bytes = 100) {
    for (std::uint64_t n = from; n <= to; ++n)
      ASSERT_TRUE(append_entries(engine_.log(), n, bytes));
  }
  void trim(std::uint64_t upto) {
    for (const std::uint32_t shard : {0U, 1U})
      ASSERT_TRUE(engine_.log().trim(shard, upto));
  }
  void expect_refusal(errc code, const std::string& text) {
    const auto opened = engine_.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, code) << opened.error().text;
    EXPECT_NE(opened.error().text.find(text), std::string::npos) << opened.error().text;
  }
  void expect_entries(std::uint64_t after, std::uint64_t last) {
    for (const std::uint32_t shard : {0U, 1U}) {
      EXPECT_EQ(replay_entries(engine_.log(), shard, after), numbers(after + 1, last));
      EXPECT_EQ(engine_.log().last_batch(shard).value(), last);
    }
  }
};

using FileJournalOpenTest = file_journal_open_test;

TEST_F(FileJournalOpenTest, RefusesAFlippedByteAnywhereButInTheLastRecord) {
  must_open();
  must_append(1, 3);
  engine_.close();
  const std::string intact = read(segment(1));
  // The head of the segment is one page, and so is each record; their ends are padding.
  constexpr std::size_t segment_head = 72 + 2 * 16;
  constexpr std::size_t record = 56 + 2 * 64 + 2 * 100;
  const std::size_t stride = is_soak() ? 1 : 3; // every byte, or one of each field
  for (std::size_t at = 0; at < 5 * journal_page_bytes; ++at) {
    const std::size_t page = at / journal_page_bytes;
    if (at % (at % journal_page_bytes > record ? 97 : stride) != 0)
      continue; // of the padding, some
    std::string damaged = intact;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write(segment(1), damaged);
    const bool counts = at % journal_page_bytes < (page == 0 ? segment_head : record);
    const auto opened = engine_.open();
    EXPECT_EQ(bool(opened), !counts || page >= 3) << "byte " << at;
    if (opened) {
      EXPECT_EQ(engine_.log().last_batch(0).value(), counts && page == 3 ? 2U : 3U) << at;
    } else {
      EXPECT_EQ(opened.error().code, errc::corrupt);
      EXPECT_NE(opened.error().text.find(segment(1)), std::string::npos) << opened.error().text;
      EXPECT_NE(opened.error().text.find("offset " + std::to_string(page * journal_page_bytes)),
                std::string::npos)
          << opened.error().text;
    }
  }
}

TEST_F(FileJournalOpenTest, ForgivesALastRecordThatIsTornAtAnyLength) {
  must_open();
  must_append(1, 2);
  must_append(3, 3, 10'000); // of six pages
  engine_.close();
  const std::string intact = read(segment(1));
  const std::size_t begin = 3 * journal_page_bytes;
  const std::size_t used = 56 + 2 * 64 + 2 * 10'000;
  for (std::size_t kept = 0; kept < used + 500; kept += 61) {
    std::string torn = intact;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(begin + kept), torn.end(), '\0');
    write(segment(1), torn);
    must_open();
    EXPECT_EQ(engine_.log().last_batch(0).value(), kept < used ? 2U : 3U) << kept;
    must_append(kept < used ? 3 : 4, 4); // in the place of the torn one
    must_open();
    EXPECT_EQ(replay_entries(engine_.log(), 1, 0), numbers(1, 4));
  }
}

TEST_F(FileJournalOpenTest, RefusesASegmentThatWasCutOrHasGrown) {
  must_open();
  must_append(1, 3);
  engine_.close();
  const std::string intact = read(segment(1));
  for (std::size_t size = 0; size <= intact.size() + 4096; size += 1024) {
    std::string cut = intact;
    cut.resize(size);
    write(segment(1), cut);
    if (size == intact.size())
      must_open();
    else
      expect_refusal(errc::corrupt, segment(1));
    engine_.close();
  }
}

TEST_F(FileJournalOpenTest, RefusesAMissingSegment) {
  must_open();
  must_append(1, 60); // over several segments of 15 records
  engine_.close();
  ASSERT_TRUE(fs::exists(segment(4)));
  for (const std::uint64_t gone : {1U, 2U, 3U}) {
    fs::rename(segment(gone), engine_.path() / "aside");
    expect_refusal(errc::corrupt, segment(gone));
    fs::rename(engine_.path() / "aside", segment(gone));
  }
  must_open();
  expect_entries(0, 60);
}

TEST_F(FileJournalOpenTest, RefusesAStoreWithoutAnySegment) {
  must_open();
  engine_.close();
  write(engine_.path() / "CURRENT", "MANIFEST-000001\n");
  must_open();
  engine_.close();
  fs::remove_all(dir());
  expect_refusal(errc::corrupt, "has lost its files");
}

TEST_F(FileJournalOpenTest, RefusesASegmentOfAnotherJournalOrUnderAnotherName) {
  must_open();
  must_append(1, 40);
  engine_.close();
  faulty_file_journal other;
  ASSERT_TRUE(other.open());
  other.close();
  const std::string second = read(segment(2));
  fs::copy_file(segment(1), segment(2), fs::copy_options::overwrite_existing);
  expect_refusal(errc::corrupt, "under another name");
  write(segment(2), second);
  fs::copy_file(other.path() / "journal" / "0000000001.segment", segment(1),
                fs::copy_options::overwrite_existing);
  expect_refusal(errc::version, "belongs to another journal");
}

TEST_F(FileJournalOpenTest, RefusesANewerFormatAndNamesIt) {
  must_open();
  engine_.close();
  // A head of version 2, as another program would write it: what follows its length is its own.
  auto head = journal_files::read_segment_head(read(segment(1)));
  ASSERT_TRUE(head);
  std::string newer = journal_files::write_segment_head(*head);
  newer[16] = 2;
  journal_files::seal_segment_head(newer);
  std::string content = read(segment(1));
  write(segment(1), content.replace(0, newer.size(), newer));
  expect_refusal(errc::version, "has format 2");
}

TEST_F(FileJournalOpenTest, UsesSegmentsAgainAndForgetsWhatTheyHeld) {
  must_open();
  std::uint64_t n = 0;
  for (int round = 0; round < 20; ++round) {
    must_append(n + 1, n + 40);
    n += 40;
    trim(n - 1);
    EXPECT_LE(disk_bytes(), 8 * segment_bytes) << "the files are used again";
    if (round % 3 == 0)
      must_open();
    expect_entries(n - 1, n);
  }
  EXPECT_FALSE(fs::exists(segment(1)));
  // Behind the last record, the active segment holds records of an earlier life.
  must_open();
  expect_entries(n - 1, n);
}

TEST_F(FileJournalOpenTest, TakesNoRecordOfAnEarlierLifeForATornEnd) {
  must_open();
  must_append(1, 31);  // two segments full, and one record
  trim(31);            // one of them is spare
  must_append(32, 46); // the third is full, and the spare is used again, with two records
  ASSERT_EQ(names(), (std::vector<std::string>{"0000000003.segment", "0000000004.segment"}));
  must_open();
  expect_entries(31, 46);
}

TEST_F(FileJournalOpenTest, KeepsOneSpareFileWhenEverythingIsTrimmed) {
  must_open();
  must_append(1, 200);
  const std::uint64_t before = disk_bytes();
  trim(200);
  EXPECT_GT(before, 10 * segment_bytes);
  EXPECT_LE(disk_bytes(), 2 * segment_bytes);
  must_open();
  EXPECT_EQ(engine_.log().last_batch(0).value(), 200U) << "numbers never start again";
  must_append(201, 201);
  expect_entries(200, 201);
}

TEST_F(FileJournalOpenTest, KeepsASegmentAsLongAsOneShardNeedsIt) {
  must_open();
  must_append(1, 50);
  ASSERT_TRUE(engine_.log().trim(0, 50));
  ASSERT_TRUE(engine_.log().trim(1, 3));
  EXPECT_TRUE(fs::exists(segment(1)));
  must_open();
  EXPECT_EQ(replay_entries(engine_.log(), 1, 3), numbers(4, 50));
  ASSERT_TRUE(engine_.log().trim(0, 50)); // the trims were in memory only
  ASSERT_TRUE(engine_.log().trim(1, 15));
  EXPECT_FALSE(fs::exists(segment(1)));
  EXPECT_TRUE(fs::exists(segment(2)));
  must_open();
  EXPECT_EQ(replay_entries(engine_.log(), 1, 15), numbers(16, 50));
}

TEST_F(FileJournalOpenTest, GivesALargeRecordASegmentOfItsOwn) {
  must_open();
  must_append(1, 2);
  must_append(3, 3, 300'000);
  must_append(4, 5);
  EXPECT_GE(fs::file_size(segment(2)), 600'000U);
  must_open();
  expect_entries(0, 5);
  trim(5);
  must_append(6, 6);
  EXPECT_LE(disk_bytes(), 2 * segment_bytes) << "it is not kept";
}

TEST_F(FileJournalOpenTest, KeepsTheOpeningAndTellsAnOlderStateFromItsStore) {
  must_open();
  must_append(1, 5);
  ASSERT_TRUE(engine_.log().note_opening(77));
  must_open();
  EXPECT_EQ(engine_.log().opening().value(), 77U);
  const auto marker = [](std::uint64_t cut) { return shard_marker{0, cut, 0, 0, 0}; };
  EXPECT_TRUE(engine_.log().find_losses(std::array{marker(5)}).empty());
  EXPECT_NE(
      describe_losses(engine_.log().find_losses(std::array{marker(6)})).find("ends at batch 5"),
      std::string::npos);
  trim(4);
  EXPECT_NE(describe_losses(engine_.log().find_losses(std::array{marker(1)}))
                .find("batches 2 to 4 are missing"),
            std::string::npos);
}

TEST_F(FileJournalOpenTest, MeetsAStoreThatIsElsewhereForGood) {
  must_open();
  must_append(1, 5);
  trim(3);
  std::array markers{shard_marker{0, 9, 0, 0, 0}, shard_marker{1, 1, 0, 0, 0}};
  ASSERT_TRUE(engine_.log().meet(markers));
  ASSERT_TRUE(engine_.log().note_opening(2));
  EXPECT_EQ(markers[0].cut, 9U);
  EXPECT_EQ(markers[1].cut, 3U) << "the batches between are gone";
  must_open();
  EXPECT_EQ(engine_.log().last_batch(0).value(), 9U);
  EXPECT_EQ(engine_.log().last_batch(1).value(), 5U);
  EXPECT_TRUE(replay_entries(engine_.log(), 0, 9).empty());
  EXPECT_EQ(replay_entries(engine_.log(), 1, 3), numbers(4, 5));
}

TEST_F(FileJournalOpenTest, ReportsAPayloadThatWasDamagedSinceTheStart) {
  must_open();
  must_append(1, 2);
  std::fstream file(segment(1), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(journal_page_bytes + 56 + 2 * 64 + 5);
  file.put('#');
  file.close();
  const auto outcome =
      engine_.log().replay(0, 0, [](const journal_batch&) { return result<void>(); });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::corrupt);
  EXPECT_NE(outcome.error().text.find(segment(1)), std::string::npos) << outcome.error().text;
}

} // namespace
} // namespace telemetry::test
