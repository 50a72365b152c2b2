#include "net/rest/http_target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::vector<std::string> path(std::string_view target) {
  const auto parsed = parse_target(target);
  EXPECT_TRUE(parsed) << target;
  return parsed ? parsed->path : std::vector<std::string>{};
}

TEST(HttpTargetTest, SplitsPathBeforeItDecodesSegments) {
  EXPECT_THAT(path("/a/b%2Fc"), ElementsAre("a", "b/c"));
  EXPECT_THAT(path("/a%3Fb"), ElementsAre("a?b"));
  EXPECT_THAT(path("/%252F"), ElementsAre("%2F"));
  EXPECT_THAT(path("/a+b/%2b"), ElementsAre("a+b", "+"));
}

TEST(HttpTargetTest, KeepsEmptySegmentsAndEscapedDots) {
  EXPECT_THAT(path("/"), ElementsAre(""));
  EXPECT_THAT(path("/a//b/"), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(path("/a/%2e%2E/.%2e/%2E"), ElementsAre("a", "..", "..", "."));
}

TEST(HttpTargetTest, RefusesSegmentsWrittenAsDots) {
  for (const char* target : {"/.", "/..", "/./a", "/a/..", "/a/../b", "/a/.?x=1"}) {
    const auto refused = parse_target(target);
    ASSERT_FALSE(refused) << target;
    EXPECT_NE(refused.error().text.find("name such a robot in the query"), std::string::npos);
  }
  EXPECT_TRUE(parse_target("/.../.a/a./..a?x=.&y=.."));
}

TEST(HttpTargetTest, WritesDotsAsEscapesInASegment) {
  const auto segment = [](std::string_view name) {
    std::string out;
    append_segment(out, name);
    return out;
  };
  EXPECT_EQ(segment("."), "%2E");
  EXPECT_EQ(segment(".."), "%2E%2E");
  EXPECT_EQ(segment("..."), "...");
  EXPECT_EQ(segment("a/b"), "a%2Fb");
}

TEST(HttpTargetTest, DecodesBytesOfAnyValue) {
  EXPECT_THAT(path("/%00%ff%C3%a9"), ElementsAre(std::string("\0\xff\xc3\xa9", 4)));
}

TEST(HttpTargetTest, ReadsQueryInOrder) {
  const auto parsed = parse_target("/p?a=1&b&=x&&a=%26%3D+&c=d=e?f");
  ASSERT_TRUE(parsed);
  EXPECT_THAT(parsed->query, ElementsAre(Pair("a", "1"), Pair("b", ""), Pair("", "x"),
                                         Pair("a", "&= "), Pair("c", "d=e?f")));
  EXPECT_THAT(parse_target("/p?")->query, IsEmpty());
}

TEST(HttpTargetTest, ReadsAPlusAsASpaceInAQueryOnly) {
  const auto parsed = parse_target("/a+b?after=robot+2&c+d=%2B+%20");
  ASSERT_TRUE(parsed);
  EXPECT_THAT(parsed->path, ElementsAre("a+b"));
  EXPECT_THAT(parsed->query, ElementsAre(Pair("after", "robot 2"), Pair("c d", "+  ")));
}

TEST(HttpTargetTest, ReadsAbsoluteForm) {
  EXPECT_THAT(path("http://host:80/a/b?c"), ElementsAre("a", "b"));
  EXPECT_THAT(path("http://host"), ElementsAre(""));
  EXPECT_THAT(path("/a://b"), ElementsAre("a:", "", "b"));
  EXPECT_EQ(parse_target("http://host?q=1")->query.size(), 0u)
      << "a target without a path is the root, without a query";
}

TEST(HttpTargetTest, RefusesOtherForms) {
  for (const char* target : {"", "*", "host:80", "a/b", "?q"})
    EXPECT_FALSE(parse_target(target)) << target;
}

TEST(HttpTargetTest, RefusesBadEscapes) {
  for (const char* target : {"/%", "/%1", "/%zz", "/%1g", "/% 1", "/a?b=%", "/a?%f=b", "/%/x"})
    EXPECT_FALSE(parse_target(target)) << target;
}

TEST(HttpTargetTest, EncodesWhatIsReserved) {
  std::string out = "<";
  append_percent_encoded(out, "aZ09-._~ /?#&=+%\xc3\xa9\n>");
  EXPECT_EQ(out, "<aZ09-._~%20%2F%3F%23%26%3D%2B%25%C3%A9%0A%3E");
}

TEST(HttpTargetTest, EncodesSoThatItDecodesBack) {
  std::string all;
  for (int c = 0; c < 256; ++c)
    all += static_cast<char>(c);
  std::string target = "/";
  append_percent_encoded(target, all);
  EXPECT_THAT(path(target), ElementsAre(all));
}

TEST(HttpTargetTest, NamesInstanceByItsPathInAscii) {
  EXPECT_EQ(instance_of("/a%2Fb?c=d"), "/a%2Fb");
  EXPECT_EQ(instance_of("/\xff\"\x7f"), "/%FF\"%7F");
  EXPECT_EQ(instance_of("http://host/x?y"), "/x");
  EXPECT_EQ(instance_of(""), "/");
}

} // namespace
} // namespace telemetry::net
