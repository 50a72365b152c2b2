#include "actors/serving_time.hpp"
#include "tests/support/manual_world.hpp"

#include <gtest/gtest.h>

namespace telemetry::test {
namespace {

using reason = serving_time::reason;

class serving_time_test : public testing::Test {
protected:
  serving_time_test() { serving_.start(5'000); }

  manual_time time_;
  serving_time serving_{time_};
};
using ServingTimeTest = serving_time_test;

TEST_F(ServingTimeTest, GoesWithTheSteadyClock) {
  time_.steady += 10;
  EXPECT_EQ(serving_.now(), 5'010);
}

TEST_F(ServingTimeTest, StandsStillUntilEveryReasonIsGone) {
  serving_.stand_still(reason::not_reading);
  serving_.stand_still(reason::journal_away);
  time_.steady += 10;
  serving_.go_on(reason::not_reading);
  time_.steady += 10;
  EXPECT_EQ(serving_.now(), 5'000);
  serving_.go_on(reason::journal_away);
  time_.steady += 5;
  EXPECT_EQ(serving_.now(), 5'005);
}

TEST_F(ServingTimeTest, OneReasonThatComesTwiceIsGoneAtOnce) {
  serving_.stand_still(reason::journal_away);
  serving_.stand_still(reason::journal_away);
  serving_.go_on(reason::journal_away);
  time_.steady += 5;
  EXPECT_EQ(serving_.now(), 5'005);
}

TEST_F(ServingTimeTest, GoesOnUnreadButNotWhileTheJournalIsAway) {
  serving_.stand_still(reason::not_reading);
  serving_.go_on_unread();
  time_.steady += 5;
  EXPECT_EQ(serving_.now(), 5'005) << "or what fills memory would never be sealed";
  serving_.stand_still(reason::not_reading);
  serving_.stand_still(reason::journal_away);
  serving_.go_on_unread();
  time_.steady += 5;
  EXPECT_EQ(serving_.now(), 5'005);
}

TEST_F(ServingTimeTest, StartsStandingStillIfAReasonIsInForce) {
  serving_.stand_still(reason::journal_away);
  serving_.start(9'000);
  time_.steady += 5;
  EXPECT_EQ(serving_.now(), 9'000);
}

} // namespace
} // namespace telemetry::test
