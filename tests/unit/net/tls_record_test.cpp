#include "net/tls_record.hpp"

#include <gtest/gtest.h>

#include <string>

namespace telemetry::net {
namespace {

using state = tls_record::state;

/// A header with a content of `size` bytes.
std::string record(char type, std::size_t size, std::string content = "") {
  std::string bytes{type, 3, 3, static_cast<char>(size >> 8), static_cast<char>(size & 255)};
  content.resize(size, 'x');
  return bytes + content;
}

/// A record with a ClientHello that says it has `own_size` bytes.
std::string hello(std::size_t size, std::size_t own_size) {
  const std::string header{1, static_cast<char>(own_size >> 16), static_cast<char>(own_size >> 8),
                           static_cast<char>(own_size)};
  return record(22, size, header);
}

TEST(TlsRecordTest, IsWholeWithItsLastByte) {
  const auto bytes = record(23, 300) + "next";
  for (std::size_t size = 0; size < 305; ++size)
    ASSERT_EQ(look_at_record(bytes.substr(0, size)).is, state::partial) << size;
  EXPECT_EQ(look_at_record(bytes.substr(0, 305)).is, state::whole);
  EXPECT_EQ(look_at_record(bytes).bytes, 305u);
}

TEST(TlsRecordTest, KnowsFourTypes) {
  for (int type = 0; type < 256; ++type) {
    const auto expected = type >= 20 && type <= 23 ? state::whole : state::faulty;
    EXPECT_EQ(look_at_record(record(static_cast<char>(type), 3)).is, expected) << type;
    EXPECT_EQ(look_at_record(std::string(1, static_cast<char>(type))).is,
              expected == state::whole ? state::partial : state::faulty);
  }
}

TEST(TlsRecordTest, RefusesAnotherVersionAtItsSecondByte) {
  EXPECT_EQ(look_at_record(std::string{23, 3}).is, state::partial);
  EXPECT_EQ(look_at_record(std::string{23, 2}).is, state::faulty);
  EXPECT_EQ(look_at_record(std::string{23, 4}).is, state::faulty);
}

TEST(TlsRecordTest, RefusesALargeRecordAtItsHeader) {
  const std::size_t most = (1u << 14) + 256;
  EXPECT_EQ(look_at_record(record(23, most)).is, state::whole);
  EXPECT_EQ(look_at_record(record(23, most + 1).substr(0, 5)).is, state::faulty);
  EXPECT_EQ(look_at_record(record(23, most).substr(0, 5)).is, state::partial);
}

TEST(TlsHelloTest, IsWholeWithItsLastByte) {
  const auto bytes = hello(500, 496);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_EQ(judge_hello(bytes.substr(0, size)), tls_hello::partial) << size;
  EXPECT_EQ(judge_hello(bytes), tls_hello::whole);
  EXPECT_EQ(judge_hello(bytes + "more"), tls_hello::whole);
}

TEST(TlsHelloTest, HasAtMost16KiB) {
  EXPECT_EQ(judge_hello(hello(16'384, 16'380)), tls_hello::whole);
  EXPECT_EQ(judge_hello(hello(16'385, 16'381).substr(0, 5)), tls_hello::refused);
}

TEST(TlsHelloTest, RefusesNineBytesThatAnnounce128KiB) {
  const auto bytes = hello(16'384, 128u << 10);
  EXPECT_EQ(judge_hello(bytes.substr(0, 8)), tls_hello::partial);
  EXPECT_EQ(judge_hello(bytes.substr(0, 9)), tls_hello::refused);
}

TEST(TlsHelloTest, MustFillItsRecord) {
  EXPECT_EQ(judge_hello(hello(100, 95)), tls_hello::refused);
  EXPECT_EQ(judge_hello(hello(100, 97)), tls_hello::refused);
  EXPECT_EQ(judge_hello(record(22, 0)), tls_hello::refused);
  EXPECT_EQ(judge_hello(record(22, 3)), tls_hello::refused);
}

TEST(TlsHelloTest, RefusesOtherMessagesAndRecords) {
  EXPECT_EQ(judge_hello(record(22, 100, std::string{2})), tls_hello::refused);
  EXPECT_EQ(judge_hello(record(23, 100)), tls_hello::refused);
  EXPECT_EQ(judge_hello(record(21, 2)), tls_hello::refused);
  EXPECT_EQ(judge_hello(std::string{22, 2}), tls_hello::refused);
  EXPECT_EQ(judge_hello(std::string(1, '\0')), tls_hello::refused);
  EXPECT_EQ(judge_hello("\r\n"), tls_hello::refused);
}

TEST(TlsHelloTest, KnowsHttp) {
  EXPECT_EQ(judge_hello("G"), tls_hello::http);
  EXPECT_EQ(judge_hello("POST /api/events HTTP/1.1\r\n"), tls_hello::http);
}

TEST(DatalessRecordsTest, Allow32AtOnceAndOneASecond) {
  dataless_records records;
  auto now = dataless_records::clock::now();
  for (int i = 0; i < 32; ++i)
    EXPECT_TRUE(records.note(now));
  EXPECT_FALSE(records.note(now));
  now += std::chrono::milliseconds(999);
  EXPECT_FALSE(records.note(now));
  now += std::chrono::milliseconds(1);
  EXPECT_TRUE(records.note(now));
  EXPECT_FALSE(records.note(now));
  now += std::chrono::milliseconds(2'500);
  EXPECT_TRUE(records.note(now));
  EXPECT_TRUE(records.note(now));
  EXPECT_FALSE(records.note(now));
  now += std::chrono::milliseconds(500); // the rest of the third second counts
  EXPECT_TRUE(records.note(now));
}

TEST(DatalessRecordsTest, ALongRestAllowsNoMoreThan32) {
  dataless_records records;
  auto now = dataless_records::clock::now();
  EXPECT_TRUE(records.note(now));
  now += std::chrono::hours(24);
  for (int i = 0; i < 32; ++i)
    EXPECT_TRUE(records.note(now)) << i;
  EXPECT_FALSE(records.note(now));
  now += std::chrono::milliseconds(999);
  EXPECT_FALSE(records.note(now));
}

} // namespace
} // namespace telemetry::net
