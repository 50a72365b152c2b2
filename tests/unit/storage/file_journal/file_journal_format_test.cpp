// The bytes of the journal's files, pinned: a changed format is a new version, not an accident.
#include "storage/file_journal/file_journal_format.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

namespace telemetry::journal_files {
namespace {

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4U];
    text += digits[static_cast<unsigned char>(byte) & 15U];
  }
  return text;
}

segment_head make_head() { return {7, 0xa1, 0x5a17, 65'536, 42, 9, {{3, 1}, {0, 0}}}; }

/// A record of two batches and a trim, as it lies in a file.
std::string make_record(const segment_head& segment) {
  const std::array<std::string_view, 2> parts{"pay", "load"};
  const std::array batches{
      journal_batch{0, 5, {4, -6, -7, 8}, record_kind::events, parts},
      journal_batch{1, 5, {1, -6, -7, 8}, record_kind::events, {}},
  };
  const std::array trims{journal_trim{0, 2}};
  std::string bytes(record_bytes(batches, trims.size()), 'x');
  write_record(bytes.data(), segment, 42, 9, batches, trims);
  return bytes;
}

std::optional<record_head> read(const std::string& bytes, const segment_head& segment) {
  const auto head =
      record_head_bytes(std::string_view(bytes).substr(0, record_prefix_bytes), bytes.size());
  if (!head)
    return std::nullopt;
  return read_record_head(std::string_view(bytes).substr(0, *head), segment, bytes.size());
}

TEST(FileJournalFormatTest, PinsTheHeadOfASegment) {
  EXPECT_EQ(to_hex(write_segment_head(make_head())),
            "54454c4d4a4e4c312e6505fef4abb7ce01000000680000000700000000000000"
            "a100000000000000175a00000000000000000100000000002a00000000000000"
            "0900000000000000030000000000000001000000000000000000000000000000"
            "0000000000000000");
}

TEST(FileJournalFormatTest, PinsARecord) {
  const std::string bytes = make_record(make_head());
  ASSERT_EQ(bytes.size(), journal_page_bytes);
  const std::size_t used = 56 + 2 * 64 + 16 + 7;
  EXPECT_EQ(to_hex(std::string_view(bytes).substr(0, used)),
            "54454c4d4a5243313da9b8876043abc207000000000000002a00000000000000"
            "0900000000000000070000000000000002000000010000000000000001000000"
            "04000000000000000500000000000000fafffffffffffffff9ffffffffffffff"
            "0800000000000000070000000000000082c3d2120e916a930100000001000000"
            "01000000000000000500000000000000fafffffffffffffff9ffffffffffffff"
            "0800000000000000000000000000000075ed67c5716c3e340000000000000000"
            "02000000000000007061796c6f6164");
  EXPECT_EQ(bytes.find_first_not_of('\0', used), std::string::npos) << "padded with zeros";
}

TEST(FileJournalFormatTest, ReadsBackAHead) {
  const auto head = read_segment_head(write_segment_head(make_head()));
  ASSERT_TRUE(head) << head.error().text;
  EXPECT_EQ(*head, make_head());
}

TEST(FileJournalFormatTest, RefusesAHeadOfWhichAnyBitIsFlippedOrWhichIsCut) {
  const std::string whole = write_segment_head(make_head());
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const auto head = read_segment_head(damaged);
    ASSERT_FALSE(head) << "bit " << bit;
    EXPECT_EQ(head.error().code, errc::corrupt);
  }
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_segment_head(whole.substr(0, size))) << size;
}

TEST(FileJournalFormatTest, ReadsBackARecord) {
  const segment_head segment = make_head();
  const std::string bytes = make_record(segment);
  const auto record = read(bytes, segment);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->commit, 42U);
  EXPECT_EQ(record->opening, 9U);
  EXPECT_EQ(record->bytes, journal_page_bytes);
  EXPECT_EQ(record->trims, (std::vector{journal_trim{0, 2}}));
  ASSERT_EQ(record->batches.size(), 2U);
  const record_batch& first = record->batches[0];
  EXPECT_EQ(first.batch.shard, 0U);
  EXPECT_EQ(first.batch.epoch, 5U);
  EXPECT_EQ(first.batch.stamp.batch_no, 4U);
  EXPECT_EQ(first.batch.stamp.arrival_ms, -6);
  EXPECT_EQ(first.batch.stamp.horizon_ms, -7);
  EXPECT_EQ(first.batch.stamp.wall, 8);
  const auto payload = std::string_view(bytes).substr(first.payload_offset, first.payload_bytes);
  EXPECT_EQ(payload, "payload");
  EXPECT_EQ(payload_checksum(payload, segment), first.checksum);
  EXPECT_EQ(record->batches[1].payload_bytes, 0U);
}

TEST(FileJournalFormatTest, ReadsBackStampsAtEveryBoundary) {
  const segment_head segment = make_head();
  const std::array<std::string_view, 1> parts{std::string_view("\0\xff", 2)};
  for (unsigned k = 0; k < 64; ++k)
    for (const std::uint64_t offset : {~0ULL, 0ULL, 1ULL}) {
      const std::uint64_t large = std::max<std::uint64_t>(1, (1ULL << k) + offset);
      const auto time = static_cast<std::int64_t>(large);
      const auto opposite = static_cast<std::int64_t>(0 - large);
      const std::array batches{
          journal_batch{0, large, {large, time, opposite, time}, record_kind::events, parts},
          journal_batch{1, large, {large, opposite, time, opposite}, record_kind::events, {}}};
      const std::array trims{journal_trim{1, large}};
      std::string bytes(record_bytes(batches, trims.size()), 'x');
      write_record(bytes.data(), segment, large, large, batches, trims);
      const auto record = read(bytes, segment);
      ASSERT_TRUE(record) << large;
      EXPECT_EQ(record->commit, large);
      EXPECT_EQ(record->opening, large);
      EXPECT_EQ(record->trims, std::vector(trims.begin(), trims.end()));
      ASSERT_EQ(record->batches.size(), batches.size());
      for (std::size_t i = 0; i < batches.size(); ++i) {
        const journal_batch& back = record->batches[i].batch;
        EXPECT_EQ(back.epoch, large);
        EXPECT_EQ(back.stamp.batch_no, large);
        EXPECT_EQ(back.stamp.arrival_ms, batches[i].stamp.arrival_ms);
        EXPECT_EQ(back.stamp.horizon_ms, batches[i].stamp.horizon_ms);
        EXPECT_EQ(back.stamp.wall, batches[i].stamp.wall);
      }
    }
}

TEST(FileJournalFormatTest, ReadsBackPayloadsAtEveryBoundaryOfPages) {
  const segment_head segment = make_head();
  for (const std::size_t count : {1U, 2U, 128U})
    for (const std::size_t size : {0U, 1U, 7U, 4095U, 4096U, 4097U}) {
      const std::string payload(size, '\xfe');
      const std::array<std::string_view, 1> parts{payload};
      std::vector<journal_batch> batches;
      for (std::uint32_t i = 0; i < count; ++i)
        batches.push_back({0, 1, {i + 1, 0, 0, 0}, record_kind::events, parts});
      std::string bytes(record_bytes(batches, 0), 'x');
      ASSERT_EQ(bytes.size() % journal_page_bytes, 0U);
      write_record(bytes.data(), segment, 1, 1, batches, {});
      const auto record = read(bytes, segment);
      ASSERT_TRUE(record) << count << " of " << size;
      EXPECT_EQ(record->bytes, bytes.size());
      ASSERT_EQ(record->batches.size(), count);
      for (const record_batch& batch : record->batches) {
        const auto back = std::string_view(bytes).substr(batch.payload_offset, batch.payload_bytes);
        EXPECT_EQ(back, payload);
        EXPECT_EQ(payload_checksum(back, segment), batch.checksum);
      }
    }
}

TEST(FileJournalFormatTest, KnowsARecordOfAnotherLifeOfTheFile) {
  const segment_head segment = make_head();
  const std::string bytes = make_record(segment);
  segment_head later = segment;
  ++later.number;
  EXPECT_FALSE(read(bytes, later));
  later = segment;
  ++later.salt;
  EXPECT_FALSE(read(bytes, later));
}

TEST(FileJournalFormatTest, RefusesARecordOfWhoseHeadAnyBitIsFlipped) {
  const segment_head segment = make_head();
  const std::string whole = make_record(segment);
  const std::size_t head_bytes = 56 + 2 * 64 + 16;
  for (std::size_t bit = 0; bit < head_bytes * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(read(damaged, segment)) << "bit " << bit;
  }
}

TEST(FileJournalFormatTest, RefusesARecordThatIsLongerThanWhatIsLeft) {
  const std::array<std::string_view, 1> parts{"payload"};
  const std::array batches{journal_batch{0, 1, {1, 1, 0, 0}, record_kind::events, parts}};
  std::string bytes(record_bytes(batches, 0), '\0');
  write_record(bytes.data(), make_head(), 42, 9, batches, {});
  const std::string_view prefix = std::string_view(bytes).substr(0, record_prefix_bytes);
  EXPECT_TRUE(record_head_bytes(prefix, 56 + 64 + 7));
  EXPECT_FALSE(record_head_bytes(prefix, 56 + 64 + 6));
}

} // namespace
} // namespace telemetry::journal_files
