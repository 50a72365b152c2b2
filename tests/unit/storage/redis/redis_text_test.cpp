// What is said to Redis, and read from it, without a server.
#include "storage/redis/redis_journal_format.hpp"
#include "storage/redis/redis_pipeline.hpp"
#include "storage/redis/redis_reply.hpp"
#include "storage/redis/redis_text.hpp"

#include <array>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace telemetry::redis {
namespace {

using namespace std::string_view_literals;

TEST(RedisPipelineTest, CountsBytesNotCharacters) {
  redis_pipeline commands;
  commands.command({"SET", "Übung", "a\r\n\0b"sv});
  EXPECT_EQ(commands.bytes(), "*3\r\n$3\r\nSET\r\n$6\r\nÜbung\r\n$5\r\na\r\n\0b\r\n"sv);
}

TEST(RedisPipelineTest, JoinsPartsAndWritesNumbers) {
  constexpr std::array<std::string_view, 3> parts{"ab", "", "c"};
  redis_pipeline commands;
  commands.begin(3).add("X").add(parts).add(std::int64_t{-7});
  commands.begin(1).add(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(commands.bytes(), "*3\r\n$1\r\nX\r\n$3\r\nabc\r\n$2\r\n-7\r\n"
                              "*1\r\n$20\r\n18446744073709551615\r\n");
  EXPECT_EQ(commands.commands(), 2U);
  commands.clear();
  EXPECT_EQ(commands.commands(), 0U);
  EXPECT_EQ(commands.bytes(), "");
}

/// Parses `bytes` as a reply of the server.
redis_reply parsed(std::string_view bytes) {
  const std::unique_ptr<redisReader, void (*)(redisReader*)> reader(redisReaderCreate(),
                                                                    &redisReaderFree);
  void* reply = nullptr;
  EXPECT_EQ(redisReaderFeed(reader.get(), bytes.data(), bytes.size()), REDIS_OK);
  EXPECT_EQ(redisReaderGetReply(reader.get(), &reply), REDIS_OK);
  return redis_reply(static_cast<redisReply*>(reply));
}

TEST(RedisJournalFormatTest, ReadsBackEntriesAtEveryBoundary) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte)
    every_byte += static_cast<char>(byte);
  for (unsigned k = 0; k < 64; ++k)
    for (const std::uint64_t offset : {~0ULL, 0ULL, 1ULL}) {
      const std::uint64_t large = (1ULL << k) + offset;
      const auto time = static_cast<std::int64_t>(large);
      const auto opposite = static_cast<std::int64_t>(0 - large);
      redis_pipeline fields; // a command has the form of an array in a reply
      fields.begin(12).add("epoch").add(large).add("arrival").add(time).add("horizon");
      fields.add(opposite).add("wall").add(time).add("kind").add(std::uint64_t{1});
      fields.add("payload").add(every_byte);
      const std::string id = std::to_string(large) + "-0";
      const redis_reply reply = parsed("*2\r\n$" + std::to_string(id.size()) + "\r\n" + id +
                                       "\r\n" + std::string(fields.bytes()));
      const auto entry = read_redis_entry(3, value_of(reply));
      ASSERT_TRUE(entry) << large;
      EXPECT_EQ(entry->batch.shard, 3U);
      EXPECT_EQ(entry->batch.epoch, large);
      EXPECT_EQ(entry->batch.stamp.batch_no, large);
      EXPECT_EQ(entry->batch.stamp.arrival_ms, time);
      EXPECT_EQ(entry->batch.stamp.horizon_ms, opposite);
      EXPECT_EQ(entry->batch.stamp.wall, time);
      EXPECT_EQ(entry->payload, every_byte);
    }
}

TEST(RedisTextTest, MakesAnotherTokenEachTime) {
  EXPECT_EQ(random_token().size(), 32U);
  EXPECT_NE(random_token(), random_token());
}

TEST(RedisReplyTest, ReadsNothingButWholeNumbers) {
  EXPECT_EQ(decimal_number("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const char* const text : {"", "-1", "+1", "1 ", " 1", "1.0", "18446744073709551616"})
    EXPECT_FALSE(decimal_number(text)) << text;
}

TEST(RedisReplyTest, SortsErrorsByWhatCanBeDone) {
  for (const auto& [text, code] : std::initializer_list<std::pair<const char*, errc>>{
           {"MISCONF Errors writing to the AOF file: No space left on device", errc::no_space},
           {"WRONGPASS invalid username-password pair", errc::invalid_option},
           {"NOPERM this user has no permissions", errc::invalid_option},
           {"ERR unknown command 'CONFIG'", errc::invalid_option},
           {"WRONGTYPE Operation against a key", errc::corrupt},
           {"LOADING Redis is loading the dataset in memory", errc::unavailable},
           {"BUSY Redis is busy running a script", errc::unavailable},
           {"READONLY You can't write against a read only replica.", errc::unavailable},
           {"MASTERDOWN Link with MASTER is down", errc::unavailable},
           {"CLUSTERDOWN The cluster is down", errc::unavailable},
           {"OOM command not allowed when used memory > 'maxmemory'.", errc::unavailable},
           // As Redis 6 reports the error of a command in a script.
           {"ERR Error running script (call to f_0): @user_script:1: -MISCONF Errors writing",
            errc::no_space},
           {"MISCONFIGURED is another word", errc::unavailable}})
    EXPECT_EQ(redis_failure(text, "x").code, code) << text;
  EXPECT_EQ(redis_failure("OOM full", "append").text, "append: Redis says: OOM full");
}

} // namespace
} // namespace telemetry::redis
