// Every worked example of docs/formats.md is encoded here and compared with the page, so that the
// page cannot say other bytes than the program writes.
#include "core/event_codec.hpp"
#include "core/odometer.hpp"
#include "storage/data_dir/format_file.hpp"
#include "storage/file_journal/file_journal_format.hpp"
#include "storage/journal_pairing.hpp"
#include "storage/mysql/mysql_schema.hpp"
#include "storage/mysql/mysql_text.hpp"
#include "storage/redis/redis_journal_format.hpp"
#include "storage/rocksdb/checkpoint_chain.hpp"
#include "storage/rocksdb/event_block.hpp"
#include "storage/rocksdb/packed_column.hpp"
#include "storage/rocksdb/rocksdb_format.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace telemetry {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Text of each fenced block of docs/formats.md that has a name: "```bytes NAME" -> its lines.
const std::map<std::string, std::string>& page_blocks() {
  static const auto blocks = [] {
    std::map<std::string, std::string> found;
    std::istringstream page(read_file(TELEMETRY_SOURCE_DIR "/docs/formats.md"));
    std::string name;
    for (std::string line; std::getline(page, line);) {
      if (!line.starts_with("```")) {
        if (!name.empty())
          found[name] += line + '\n';
        continue;
      }
      const auto space = line.find(' ');
      name = space == std::string::npos ? "" : line.substr(space + 1);
    }
    return found;
  }();
  return blocks;
}

std::string page_block(const std::string& name) {
  const auto found = page_blocks().find(name);
  if (found != page_blocks().end())
    return found->second;
  ADD_FAILURE() << "docs/formats.md has no block " << name;
  return {};
}

/// The hex digits in front of "|" in each line of the block `name`.
std::string page_hex(const std::string& name) {
  std::string digits;
  std::istringstream lines(page_block(name));
  for (std::string line; std::getline(lines, line);)
    for (const char c : line.substr(0, line.find('|')))
      if (c != ' ')
        digits += c;
  return digits;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4U];
    text += digits[static_cast<unsigned char>(byte) & 15U];
  }
  return text;
}

void expect_bytes(const std::string& name, std::string_view bytes) {
  EXPECT_EQ(page_hex(name), to_hex(bytes)) << "block " << name << " of docs/formats.md";
}

/// The event of the examples: "3,4,2000,rover".
std::string encoded_event(std::string_view robot = "rover") {
  std::string bytes;
  encode_event(bytes, {{3, 4}, 2000, robot});
  return bytes;
}

TEST(DocsFormatsTest, EventIsEncodedAsOnThePage) { expect_bytes("event", encoded_event()); }

TEST(DocsFormatsTest, HeadOfASegmentIsWrittenAsOnThePage) {
  using namespace journal_files;
  expect_bytes("segment-head",
               write_segment_head({12, 0xa1, 0x5a17, 16u << 20, 41, 9, {{0, 0}, {6, 5}}}));
}

TEST(DocsFormatsTest, RecordIsWrittenAsOnThePage) {
  using namespace journal_files;
  const segment_head segment{12, 0xa1, 0x5a17, 16u << 20, 41, 9, {{0, 0}, {6, 5}}};
  const std::string event = encoded_event();
  const std::array<std::string_view, 1> parts{event};
  const std::array batches{
      journal_batch{1, 1, {7, 5000, 4000, 1'700'000'000'123}, record_kind::events, parts}};
  const std::array trims{journal_trim{1, 6}};
  std::string bytes(record_bytes(batches, trims.size()), 'x');
  write_record(bytes.data(), segment, 41, 9, batches, trims);
  ASSERT_EQ(bytes.size(), journal_page_bytes);
  const std::size_t used = page_hex("record").size() / 2;
  expect_bytes("record", std::string_view(bytes).substr(0, used));
  EXPECT_EQ(bytes.find_first_not_of('\0', used), std::string::npos) << "padded with zeros";
}

std::string packed(const std::vector<std::int64_t>& values) {
  std::string bytes(rocks::column_bytes_max, '\0');
  const char* const end = rocks::put_column(bytes.data(), values);
  bytes.resize(static_cast<std::size_t>(end - bytes.data()));
  return bytes;
}

TEST(DocsFormatsTest, ColumnsArePackedAsOnThePage) {
  expect_bytes("column-one", packed({1000, 2000}));
  expect_bytes("column-steps", packed({0, 10, 20, 31, 40}));
  expect_bytes("column-turns", packed({0, 5, 20, 45, 80}));
}

TEST(DocsFormatsTest, LowOutlierOfAColumnCostsEveryGroup) {
  std::vector<std::int64_t> up(129, 0);
  for (std::size_t i = 0; i < up.size(); ++i)
    up[i] = static_cast<std::int64_t>(i * i % 7) + (i >= 100 ? 1'000'000'000'000 : 0);
  std::vector<std::int64_t> down = up;
  for (std::size_t i = 100; i < down.size(); ++i)
    down[i] -= 2'000'000'000'000;
  const std::string both =
      std::to_string(packed(up).size()) + " up, " + std::to_string(packed(down).size()) + " down\n";
  EXPECT_EQ(page_block("column-outliers"), both);
}

/// The three events of the README.
std::vector<track_row> rover_rows() {
  std::vector<track_row> rows{
      {{1000, {0, 0}, 0}, 7, 0}, {{2000, {3, 4}, 0}, 7, 0}, {{4000, {3, 10}, 0}, 7, 0}};
  for (std::size_t i = 1; i < rows.size(); ++i)
    rows[i].event.odometer =
        odometer_after(rows[i - 1].event.odometer, rows[i - 1].event.at, rows[i].event.at);
  return rows;
}

TEST(DocsFormatsTest, BlocksOfEventsAreEncodedAsOnThePage) {
  rocks::event_block_encoder encoder;
  expect_bytes("event-block", encoder.encode(rover_rows()));
  const std::vector<track_row> single{{{4000, {1.5, -0.25}, 11}, 7, 0}};
  expect_bytes("event-block-one", encoder.encode(single));
}

constexpr robot_id rover_id = (std::uint64_t{1} << 48) + 1;

TEST(DocsFormatsTest, RowsOfRocksdbAreEncodedAsOnThePage) {
  using namespace rocks;
  expect_bytes("event-key", make_event_key({rover_id, 4000, 3}).view());
  expect_bytes("seek-key", make_seek_key(rover_id, 3000).view());
  const robot_state state{4000, {3, 10}, 11, 3, 1'700'000'000'123, 1'700'000'000'456};
  expect_bytes("robot-value", make_robot_value(rover_id, state).view());
  expect_bytes("marker-key", make_marker_key(1).view());
  expect_bytes("marker-value", make_marker_value({1, 7, 5000, 4000, 1}).view());
  expect_bytes("checkpoint-key-markers", chain_key(family::meta, 7));
  expect_bytes("checkpoint-key-events", chain_key(family::events, 7));
  expect_bytes("checkpoint-key-robots", chain_key(family::robots, 7));
}

/// A directory that is gone with the test.
class temporary_directory {
public:
  temporary_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "formatsXXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

TEST(DocsFormatsTest, FormatFilesReadAsOnThePage) {
  const temporary_directory directory;
  const auto whole = directory.path() / "whole";
  const auto journal = directory.path() / "journal-only";
  ASSERT_TRUE(format_file::open(whole, 8));
  ASSERT_TRUE(format_file::open(journal, 8, "00112233445566778899aabbccddeeff"));
  EXPECT_EQ(page_block("format-file"), read_file(whole / "FORMAT"));
  EXPECT_EQ(page_block("format-file-of-journal"), read_file(journal / "FORMAT"));
}

TEST(DocsFormatsTest, TablesOfMysqlAreMadeAsOnThePage) {
  const std::string migrations = mysql::mysql_migrations();
  std::istringstream statements(page_block("mysql-tables"));
  std::size_t tables = 0;
  for (std::string statement; std::getline(statements, statement, ';'); ++tables) {
    statement.erase(0, statement.find_first_not_of('\n'));
    if (statement.empty())
      break;
    EXPECT_NE(migrations.find(statement + ";"), std::string::npos) << statement;
  }
  std::size_t created = 0;
  for (std::size_t at = 0; (at = migrations.find("CREATE TABLE", at)) != std::string::npos; ++at)
    ++created;
  EXPECT_EQ(tables, created);
}

TEST(DocsFormatsTest, PayloadIsALiteralAsOnThePage) {
  const std::string event = encoded_event("o'b\\1");
  expect_bytes("mysql-literal", mysql::sql_text(mysql::sql_bytes{event}).str());
}

TEST(DocsFormatsTest, PairingIsNotedAsOnThePage) {
  const std::string text = page_block("pairing");
  const auto record = journal_pairing::from_text(text.substr(0, text.size() - 1));
  ASSERT_TRUE(record) << record.error().text;
  EXPECT_EQ(record->journal, "file");
  EXPECT_EQ(record->confirmed, 8U);
  EXPECT_EQ(record->begun, 9U);
  EXPECT_EQ(record->to_text() + '\n', text);
}

/// `lines` with "\xNN" as that byte, each line with CR LF behind it.
std::string to_resp(const std::string& lines) {
  std::string bytes;
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (lines[i] == '\n') {
      bytes += "\r\n";
    } else if (lines.compare(i, 2, "\\x") == 0) {
      bytes += static_cast<char>(std::stoi(lines.substr(i + 2, 2), nullptr, 16));
      i += 3;
    } else {
      bytes += lines[i];
    }
  return bytes;
}

TEST(DocsFormatsTest, EntryOfAStreamIsReadAsOnThePage) {
  const std::string reply = to_resp(page_block("redis-entry"));
  const std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader(redisReaderCreate(),
                                                                        redisReaderFree);
  ASSERT_EQ(redisReaderFeed(reader.get(), reply.data(), reply.size()), REDIS_OK);
  void* parsed = nullptr;
  ASSERT_EQ(redisReaderGetReply(reader.get(), &parsed), REDIS_OK);
  ASSERT_NE(parsed, nullptr) << "the reply on the page is not whole";
  const redis::redis_reply owner(static_cast<redisReply*>(parsed));
  const auto entry = redis::read_redis_entry(1, redis::value_of(owner));
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->batch.epoch, 1U);
  EXPECT_EQ(entry->batch.stamp.batch_no, 7U);
  EXPECT_EQ(entry->batch.stamp.arrival_ms, 5000);
  EXPECT_EQ(entry->batch.stamp.horizon_ms, 4000);
  EXPECT_EQ(entry->batch.stamp.wall, 1'700'000'000'123);
  EXPECT_EQ(to_hex(entry->payload), to_hex(encoded_event()));
}

TEST(DocsFormatsTest, KeysOfRedisAreNamedAsOnThePage) {
  const redis::redis_journal_keys keys("telemetryd");
  EXPECT_EQ(page_block("redis-keys"), keys.meta + '\n' + keys.owner + '\n' + keys.heads + '\n' +
                                          keys.stream(1) + '\n' + keys.forgiven + '\n' +
                                          keys.losses + '\n');
}

} // namespace
} // namespace telemetry
