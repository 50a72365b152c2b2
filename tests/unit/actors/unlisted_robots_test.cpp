#include "actors/unlisted_robots.hpp"

#include "core/name_hash.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace telemetry::test {
namespace {

TEST(UnlistedRobotsTest, AreVisitedInOrderWhateverCameAndWentBetween) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  robot_table table;
  unlisted_robots unlisted;
  std::set<std::string> model;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 20; ++i) {
      const auto name = std::to_string(random() % 10'000);
      if (table.find(name, name_hash(name)) != nullptr)
        continue;
      unlisted.add(table.insert(name, name_hash(name)));
      model.insert(name);
    }
    if (random() % 2 == 0)
      table.for_each([&](robot_slot& slot) {
        if (random() % 3 == 0 && slot.unlisted) {
          slot.unlisted = false;
          model.erase(slot.name);
        }
      });
    unlisted.forget_listed();
    const auto above = std::to_string(random() % 10'000);
    std::vector<std::string> seen;
    unlisted.for_each_above(above, [&](const robot_slot& slot) {
      seen.push_back(slot.name);
      return seen.size() < 10;
    });
    std::vector<std::string> expected;
    for (auto next = model.upper_bound(above); next != model.end() && expected.size() < 10; ++next)
      expected.push_back(*next);
    ASSERT_EQ(seen, expected);
  }
}

/// Two names with one hash: what the table must tell apart by the names alone.
TEST(RobotTableTest, KeepsNamesOfOneHashApart) {
  robot_table table;
  constexpr std::uint64_t hash = 42;
  auto& a = table.insert("a", hash);
  auto& b = table.insert("b", hash);
  auto& c = table.insert("c", hash);
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.find("a", hash), &a);
  EXPECT_EQ(table.find("b", hash), &b);
  EXPECT_EQ(table.find("d", hash), nullptr);
  table.erase(b);
  EXPECT_EQ(table.find("a", hash), &a);
  EXPECT_EQ(table.find("b", hash), nullptr);
  EXPECT_EQ(table.find("c", hash), &c);
  std::size_t visited = 0;
  table.for_each([&](const robot_slot&) { ++visited; });
  EXPECT_EQ(visited, 2U);
  table.erase(a);
  table.erase(c);
  EXPECT_EQ(table.find("c", hash), nullptr);
  EXPECT_EQ(table.size(), 0U);
}

} // namespace
} // namespace telemetry::test
