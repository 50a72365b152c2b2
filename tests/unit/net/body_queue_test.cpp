#include "net/body_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace telemetry::net {
namespace {

using place = body_share::place;
constexpr std::size_t large = 8u << 20; // a quarter of the budget

class BodyQueueTest : public testing::Test {
protected:
  /// A share that notes its number in turns_ when its turn comes.
  body_share& share() {
    const int number = static_cast<int>(shares_.size());
    shares_.push_back(
        std::make_unique<body_share>(queue_, [this, number] { turns_.push_back(number); }));
    return *shares_.back();
  }

  request_budget budget_;
  body_queue queue_{budget_};
  std::vector<int> turns_;
  std::vector<std::unique_ptr<body_share>> shares_;
};

TEST_F(BodyQueueTest, GivesLargeBodiesHalfOfTheBudget) {
  EXPECT_EQ(share().ask(large), place::taken);
  EXPECT_EQ(share().ask(large), place::taken);
  EXPECT_EQ(share().ask(large), place::waiting);
  EXPECT_EQ(budget_.bytes(), budget_.bytes_max() / 2);
  EXPECT_EQ(share().ask(small_body_bytes_max), place::taken) << "a small one has room beside them";
}

TEST_F(BodyQueueTest, LetsBodiesInFirstComeFirstServed) {
  for (int i = 0; i < 5; ++i)
    (void)share().ask(large);
  EXPECT_EQ(share().ask(100u << 10), place::waiting);
  shares_[0]->give_back();
  EXPECT_THAT(turns_, testing::ElementsAre(2));
  shares_[1]->give_back();
  shares_[3]->give_back(); // it was taken within the call before
  EXPECT_THAT(turns_, testing::ElementsAre(2, 3, 4));
  shares_[2]->give_back();
  EXPECT_THAT(turns_, testing::ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(queue_.waiting(), 0u);
  shares_.clear();
  EXPECT_EQ(budget_.bytes(), 0u);
}

TEST_F(BodyQueueTest, LetsNoBodyOvertakeALargerOneThatWaits) {
  EXPECT_EQ(share().ask(large), place::taken);
  EXPECT_EQ(share().ask(large / 2), place::taken);
  EXPECT_EQ(share().ask(large), place::waiting);
  EXPECT_EQ(share().ask(large / 4), place::waiting) << "there would be room for it";
  shares_[1]->give_back();
  EXPECT_THAT(turns_, testing::ElementsAre(2));
}

TEST_F(BodyQueueTest, GoesOnBehindABodyThatGaveUp) {
  for (int i = 0; i < 5; ++i)
    (void)share().ask(large);
  shares_[2]->give_back();
  shares_[0]->give_back();
  EXPECT_THAT(turns_, testing::ElementsAre(3));
}

TEST_F(BodyQueueTest, RefusesBodiesThatWouldWaitBehindTooManyOthers) {
  for (std::size_t i = 0; i < 2 + waiting_bodies_max; ++i)
    EXPECT_NE(share().ask(large), place::refused);
  EXPECT_EQ(share().ask(large), place::refused);
}

TEST_F(BodyQueueTest, ChargesBodiesOfUnknownSizeAsTheyGrow) {
  auto& one = share();
  EXPECT_TRUE(one.grow_to(1'000));
  EXPECT_EQ(budget_.bytes(), 1'000 * body_memory_factor);
  EXPECT_TRUE(one.grow_to(large));
  EXPECT_EQ(share().ask(large), place::taken);
  auto& other = share();
  EXPECT_TRUE(other.grow_to(small_body_bytes_max));
  EXPECT_FALSE(other.grow_to(small_body_bytes_max + 1)) << "no room among the large ones";
  shares_.clear();
  EXPECT_EQ(budget_.bytes(), 0u);
}

} // namespace
} // namespace telemetry::net
