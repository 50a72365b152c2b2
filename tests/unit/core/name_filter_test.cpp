#include "core/name_filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace telemetry {
namespace {

using strings = std::vector<std::string>;

strings kept(strings prefixes) {
  const name_filter filter(std::move(prefixes));
  return {filter.prefixes().begin(), filter.prefixes().end()};
}

TEST(NameFilterTest, PermitsNamesThatBeginWithAPrefix) {
  const name_filter filter(strings{"site-b/", "site-a/", "x"});
  for (const auto* name : {"site-a/", "site-a/7", "site-b/\xff", "x", "xylophone"})
    EXPECT_TRUE(filter.permits(name)) << name;
  for (const auto* name : {"", "site-a", "site-A/7", "site-c/", "w", "y", " x", "\xff"})
    EXPECT_FALSE(filter.permits(name)) << name;
}

TEST(NameFilterTest, WithoutPrefixesPermitsNothing) {
  const auto nobody = name_filter::none();
  EXPECT_FALSE(nobody.permits(""));
  EXPECT_FALSE(nobody.permits("a"));
  EXPECT_FALSE(nobody.permits_all());
  EXPECT_TRUE(nobody.ranges_above("").empty());
  EXPECT_TRUE(name_filter::all().permits("a"));
  EXPECT_TRUE(name_filter::all().permits_all());
  EXPECT_EQ(name_filter::all().ranges_above("a"), (std::vector<name_range>{{"a", ""}}));
}

TEST(NameFilterTest, DropsPrefixesThatAnotherOneCovers) {
  EXPECT_EQ(kept({"a/b", "a", "a", "b", "ab", "b\xff", "\xc3\xa4"}),
            (strings{"a", "b", "\xc3\xa4"}));
  EXPECT_EQ(kept({"a-", "a", "a/"}), strings{"a"});
  EXPECT_EQ(kept({"a-", "a/", "a-b"}), (strings{"a-", "a/"}));
}

TEST(NameFilterTest, HasARangeOfNamesForEachPrefix) {
  const name_filter filter(strings{"b/", "d/"});
  const name_range b{"b.\xff", "b0"}, d{"d.\xff", "d0"};
  using ranges = std::vector<name_range>;
  EXPECT_EQ(filter.ranges_above(""), (ranges{b, d}));
  EXPECT_EQ(filter.ranges_above("b"), (ranges{b, d}));
  EXPECT_EQ(filter.ranges_above("b/7"), (ranges{{"b/7", "b0"}, d}));
  EXPECT_EQ(filter.ranges_above("b0"), ranges{d});
  EXPECT_EQ(filter.ranges_above("d/\xc3\xa4"), (ranges{{"d/\xc3\xa4", "d0"}}));
  EXPECT_EQ(filter.ranges_above("d0"), ranges{});
}

/// A name lies in a range above `after` if and only if it is permitted and above `after`.
TEST(NameFilterTest, RangesHoldThePermittedNamesAndNoOthers) {
  const strings texts{"a", "a ",        "a/", "a/b", "a/\xf4\x8f\xbf\xbf", "a0", "ab",
                      "b", "b\xc3\xa4", "b~", "c"};
  for (const auto& one : texts)
    for (const auto& other : texts)
      for (const auto& after : texts) {
        const name_filter filter(strings{one, other});
        const auto ranges = filter.ranges_above(after);
        for (const auto& name : texts) {
          const auto holds =
              std::count_if(ranges.begin(), ranges.end(), [&name](const auto& range) {
                return name > range.after && name < range.before;
              });
          EXPECT_EQ(holds, filter.permits(name) && name > after ? 1 : 0) << one << other << name;
        }
      }
}

TEST(NameFilterTest, IsTheOnlyOneToPermit) {
  const name_filter filter(strings{"a"});
  EXPECT_FALSE(filter.permit(std::string("b")));
  EXPECT_EQ(filter.permit(std::string("ab"))->value(), "ab");
  const event_view event{.at = {1, 2}, .timestamp = 3, .robot = "ab"};
  EXPECT_EQ(filter.permit(event)->value().timestamp, 3);
  EXPECT_FALSE(filter.permit(event_view{.at = {1, 2}, .timestamp = 3, .robot = "b"}));
}

/// Short random names over few letters agree with a comparison of each prefix.
TEST(NameFilterTest, AgreesWithAComparisonOfEachPrefix) {
  std::mt19937 random(1);
  const auto text = [&random](std::size_t most) {
    std::string out(random() % (most + 1), ' ');
    for (char& one : out)
      one = "ab/\xff"[random() % 4];
    return out;
  };
  for (int round = 0; round < 2'000; ++round) {
    strings prefixes(1 + random() % 6);
    std::generate(prefixes.begin(), prefixes.end(), [&] { return "a" + text(3); });
    const name_filter filter(prefixes);
    const auto name = text(5);
    const bool expected = std::any_of(prefixes.begin(), prefixes.end(),
                                      [&name](const auto& one) { return name.starts_with(one); });
    EXPECT_EQ(filter.permits(name), expected) << name;
  }
}

} // namespace
} // namespace telemetry
