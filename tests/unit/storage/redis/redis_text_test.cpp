// What is said to Redis, and read from it, without a server.
#include "storage/redis/redis_pipeline.hpp"
#include "storage/redis/redis_reply.hpp"
#include "storage/redis/redis_text.hpp"

#include <array>
#include <gtest/gtest.h>
#include <limits>
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
