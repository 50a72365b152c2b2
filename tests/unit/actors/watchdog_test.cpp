// What the log tells of a journal that falls silent.

#include "tests/support/producer.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace telemetry::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class watchdog_test : public engine_test {
protected:
  /// What the log says while `ms` pass.
  std::string log_of(std::int64_t ms) {
    testing::internal::CaptureStderr();
    live(ms, 100);
    return testing::internal::GetCapturedStderr();
  }
};
using WatchdogTest = watchdog_test;

TEST_F(WatchdogTest, TellsOnceThatTheJournalIsSilentAndHowLongItWas) {
  start();
  context().health.journal_busy(time.steady);
  EXPECT_THAT(log_of(1'900), IsEmpty());
  const auto begin = log_of(2'100);
  EXPECT_THAT(begin, HasSubstr("level=warn msg=\"journal does not answer: no event is answered "
                               "until it does\" reason=\"the journal has not answered for"));
  EXPECT_EQ(begin.find("level="), begin.rfind("level=")) << begin;
  EXPECT_THAT(log_of(26'500), IsEmpty());
  context().health.journal_busy(std::nullopt);
  EXPECT_THAT(log_of(1'000),
              HasSubstr("level=info msg=\"journal answers again\" away_seconds=31\n"));
  EXPECT_THAT(log_of(3'000), IsEmpty());
}

TEST_F(WatchdogTest, SilenceThatEndsInARefusalEndsWithTheRefusal) {
  start();
  auto& health = context().health;
  health.journal_busy(time.steady);
  EXPECT_THAT(log_of(4'000), HasSubstr("journal does not answer"));
  health.journal_away("lost");
  health.journal_busy(time.steady); // the next attempt hangs as well
  EXPECT_THAT(log_of(4'000), IsEmpty());
  health.journal_busy(std::nullopt);
  EXPECT_THAT(log_of(2'000), IsEmpty()) << "it still refuses";
  health.journal_away("");
  EXPECT_THAT(log_of(1'000), HasSubstr("journal answers again"));
}

TEST_F(WatchdogTest, AttemptsThatHangWhileTheJournalRefusesAreNotTold) {
  start();
  context().health.journal_away("lost");
  context().health.journal_busy(time.steady);
  EXPECT_THAT(log_of(5'000), Not(HasSubstr("does not answer")));
  context().health.journal_busy(std::nullopt);
  context().health.journal_away("");
}

TEST_F(WatchdogTest, TellsOnceThatTheStoreIsSilentAndHowLongItWas) {
  start();
  auto& silence = database.store_faults->silence;
  silence = std::chrono::milliseconds{1'999};
  EXPECT_THAT(log_of(1'000), IsEmpty());
  silence = std::chrono::milliseconds{2'000};
  const auto begin = log_of(3'000);
  EXPECT_THAT(begin,
              HasSubstr("level=warn msg=\"store does not answer: reads fail and memory fills "
                        "up until it does\" reason=\"the store has not answered for 2 s\""));
  EXPECT_EQ(begin.find("level="), begin.rfind("level=")) << begin;
  EXPECT_EQ(engine().not_ready(), "the store has not answered for 2 s");
  silence = std::chrono::milliseconds{0};
  EXPECT_THAT(log_of(1'000), HasSubstr("level=info msg=\"store answers again\" away_seconds=5\n"));
  EXPECT_EQ(engine().not_ready(), std::nullopt);
}

class silent_journal_test : public engine_test {
protected:
  /// Runs the engine until a call waits at `plan`, lets `ms` pass there, and goes on.
  /// @returns what /readyz says meanwhile.
  std::optional<std::string> reason_while(faulty_plan& plan, std::int64_t ms) {
    plan.block();
    std::thread running([this] { settle(); });
    plan.wait_until_blocked();
    time.steady += ms;
    auto reason = engine().not_ready();
    plan.release();
    running.join();
    return reason;
  }
};
using SilentJournalTest = silent_journal_test;

TEST_F(SilentJournalTest, AnAppendThatHangsIsSaidSo) {
  start();
  producer client{*this};
  client.send("1,2,3,a");
  EXPECT_EQ(reason_while(database.journal_faults->append, 3'000),
            "the journal has not answered for 3 s");
  EXPECT_EQ(engine().not_ready(), std::nullopt);
}

TEST_F(SilentJournalTest, ATrimThatHangsIsSaidSo) {
  start();
  producer client{*this};
  client.send("1,2,3,a");
  live(5 * window_ms);
  ask_checkpoint();
  EXPECT_EQ(reason_while(database.journal_faults->trim, 3'000),
            "the journal has not answered for 3 s");
  EXPECT_EQ(engine().not_ready(), std::nullopt);
}

} // namespace
} // namespace telemetry::test
