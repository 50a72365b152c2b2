#include "storage/mysql/server_silence.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace telemetry::test {
namespace {

using mysql::server_silence;
using std::chrono::milliseconds;

class call_watch_test : public testing::Test {
protected:
  using call = std::unique_ptr<server_silence::call>;

  [[nodiscard]] call begin() { return std::make_unique<server_silence::call>(&watch_); }
  static void answer(call& one) {
    one->answered();
    one.reset();
  }
  void pass(int ms) { now_ += milliseconds{ms}; }
  [[nodiscard]] auto silence_ms() const { return watch_.silence().count(); }

  server_silence::clock::time_point now_{std::chrono::hours{1}};
  server_silence watch_{[this] { return now_; }};
};
using ServerSilenceTest = call_watch_test;

TEST_F(ServerSilenceTest, IsSilentWhileACallWaits) {
  EXPECT_EQ(silence_ms(), 0);
  auto one = begin();
  pass(3'000);
  EXPECT_EQ(silence_ms(), 3'000);
  answer(one);
  EXPECT_EQ(silence_ms(), 0);
}

TEST_F(ServerSilenceTest, ASlowCallIsNoSilenceWhileOthersAreAnswered) {
  const auto slow = begin();
  pass(3'000);
  auto quick = begin();
  pass(10);
  answer(quick);
  EXPECT_EQ(silence_ms(), 0);
  pass(40);
  EXPECT_EQ(silence_ms(), 40) << "the slow one still waits";
}

TEST_F(ServerSilenceTest, AttemptsInVainAddUp) {
  for (int i = 0; i < 3; ++i) {
    auto one = begin();
    pass(5'000);
    one.reset(); // timed out
    pass(500);
  }
  EXPECT_EQ(silence_ms(), 16'500) << "also between two attempts";
  auto last = begin();
  answer(last);
  EXPECT_EQ(silence_ms(), 0);
  pass(500);
  EXPECT_EQ(silence_ms(), 0);
}

TEST_F(ServerSilenceTest, NobodyIsSilentIfNobodyAsks) {
  begin().reset(); // in vain
  pass(1'001);
  EXPECT_EQ(silence_ms(), 0);
  pass(60'000);
  const auto next = begin();
  pass(10);
  EXPECT_EQ(silence_ms(), 10) << "a minute without a call is no silence";
}

TEST_F(ServerSilenceTest, WatchesNothingWithoutAWatch) {
  server_silence::call one(nullptr);
  one.answered();
  EXPECT_EQ(silence_ms(), 0);
}

} // namespace
} // namespace telemetry::test
