#include "net/memory_budget.hpp"

#include "net/rest/http_budget.hpp"

#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

constexpr std::size_t grain = memory_charge::connection_grain;

TEST(MemoryChargeTest, CountsWholeGrains) {
  memory_budget budget(10 * grain);
  memory_charge one(&budget);
  one.hold(1);
  EXPECT_EQ(budget.bytes(), grain);
  one.hold(grain + 1);
  EXPECT_EQ(budget.bytes(), 2 * grain);
}

TEST(MemoryChargeTest, SmallChangesLeaveTheBudgetAlone) {
  memory_budget budget(10 * grain);
  memory_charge one(&budget);
  one.hold(2 * grain);
  for (const std::size_t bytes : {grain + 1, 2 * grain, grain + 100, std::size_t{1}}) {
    one.hold(bytes);
    EXPECT_EQ(budget.bytes(), 2 * grain) << bytes;
  }
  one.hold(0);
  EXPECT_EQ(budget.bytes(), 0u);
}

TEST(MemoryChargeTest, SettlesAtTheLastGrain) {
  memory_budget budget(10 * grain);
  memory_charge one(&budget);
  one.hold(2 * grain);
  one.settle(1);
  EXPECT_EQ(budget.bytes(), grain);
}

TEST(MemoryChargeTest, SaysWhenItsRiseExceedsTheBudget) {
  memory_budget budget(2 * grain);
  memory_charge one(&budget);
  memory_charge other(&budget);
  EXPECT_FALSE(one.hold(2 * grain));
  EXPECT_TRUE(other.hold(1));
  EXPECT_FALSE(one.hold(2 * grain)) << "it did not rise";
}

TEST(MemoryChargeTest, EndsWithItsOwner) {
  memory_budget budget(10 * grain);
  {
    memory_charge one(&budget);
    one.hold(5 * grain);
    memory_charge other(std::move(one));
    EXPECT_EQ(budget.bytes(), 5 * grain);
  }
  EXPECT_EQ(budget.bytes(), 0u);
}

TEST(RequestBudgetTest, IsPartOfTheBudgetOfTheProcess) {
  memory_budget process(1u << 20);
  request_budget budget(8u << 20, &process);
  request_loan one(budget);
  EXPECT_TRUE(one.raise_to(500u << 10));
  EXPECT_EQ(process.bytes(), 512u << 10);
  one.give_back();
  EXPECT_EQ(process.bytes(), 0u);
}

TEST(RequestBudgetTest, LendsNothingWhileThatOfTheProcessIsExceeded) {
  memory_budget process(1u << 20);
  memory_charge others(&process);
  request_budget budget(8u << 20, &process);
  request_loan one(budget);
  others.hold((1u << 20) + 1);
  EXPECT_FALSE(one.raise_to(1));
  others.give_back();
  EXPECT_TRUE(one.raise_to(1));
}

} // namespace
} // namespace telemetry::net
