#include "access/key_line.hpp"

#include <gtest/gtest.h>

namespace telemetry::access {
namespace {

const std::string hash(64, 'a');

/// A line with these members behind the id, and a member of its own for each that is missing.
std::string line_with(const std::string& members) {
  std::string line = R"({"id":"gw-7",)" + members;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (members.find('"' + name + '"') == members.npos)
      line += (line.ends_with(',') ? "" : ",") + ('"' + name + "\":" + value);
  };
  add("hashes", R"([{"sha256":")" + hash + R"("}])");
  add("scopes", R"(["ingest"])");
  add("prefixes", R"(["site-a/"])");
  add("expires", R"("never")");
  return line + '}';
}

std::string fault_of(const std::string& line) {
  const auto read = read_key_line(line);
  EXPECT_FALSE(read) << line;
  return read ? "" : read.error().text;
}

TEST(KeyLineTest, ReadsEveryMember) {
  const auto read = read_key_line(
      R"({"id":"gw-7","hashes":[{"sha256":")" + hash + R"("},{"sha256":")" + std::string(64, '0') +
      R"(","until":"2026-12-01T00:00:00Z"}],"scopes":["read","ingest"],"prefixes":["a/","b"],)"
      R"("expires":"2027-11-29T12:30:00.250+00:00","comment":"hall 2",)"
      R"("certificates":["san:dns:gw.example"]})");
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->id, "gw-7");
  ASSERT_EQ(read->hashes.size(), 2u);
  EXPECT_EQ(read->hashes[0].value[0], 0xaa);
  EXPECT_FALSE(read->hashes[0].until);
  EXPECT_EQ(read->hashes[1].until, 1'796'083'200'000);
  EXPECT_EQ(read->may, (rights{scope::read, scope::ingest}));
  EXPECT_TRUE(read->robots.permits("a/1"));
  EXPECT_FALSE(read->robots.permits("c"));
  EXPECT_EQ(read->expires, 1'827'491'400'250);
  EXPECT_EQ(read->comment, "hall 2");
  EXPECT_EQ(read->certificates, std::vector<std::string>{"san:dns:gw.example"});
}

TEST(KeyLineTest, WritesWhatItReads) {
  for (const auto& line : {line_with(""), line_with(R"("prefixes":"all")"),
                           line_with(R"("expires":"2027-01-01T00:00:00Z")"),
                           line_with(R"("comment":"\u00e4 \"quoted\"")"),
                           line_with(R"("hashes":[],"certificates":["subject:CN=a"])"),
                           std::string(R"({"id":"gone","revoked":"2026-01-01T00:00:00Z"})")}) {
    const auto read = read_key_line(line);
    ASSERT_TRUE(read) << line << read.error().text;
    const auto written = write_key_line(*read);
    const auto again = read_key_line(written);
    ASSERT_TRUE(again) << written << again.error().text;
    EXPECT_EQ(write_key_line(*again), written);
    EXPECT_EQ(again->expires, read->expires);
    EXPECT_EQ(again->revoked, read->revoked);
    EXPECT_EQ(again->comment, read->comment);
    EXPECT_EQ(again->robots.permits_all(), read->robots.permits_all());
  }
}

TEST(KeyLineTest, AMemberThatIsNotKnownWidensNoRight) {
  EXPECT_NE(fault_of(line_with(R"("prefix":["site-b/"])")).find("not known"), std::string::npos);
  EXPECT_NE(fault_of(line_with(R"("hashes":[{"sha256":")" + hash + R"(","till":"never"}])"))
                .find("not known"),
            std::string::npos);
  EXPECT_NE(fault_of(R"({"id":"a","revoked":"2026-01-01T00:00:00Z","scopes":["read"]})")
                .find("not known"),
            std::string::npos);
}

TEST(KeyLineTest, ARepeatedMemberIsRefused) {
  EXPECT_EQ(fault_of(line_with(R"("prefixes":["a"],"prefixes":"all")")), "a member is repeated");
  EXPECT_EQ(
      fault_of(line_with(R"("hashes":[{"sha256":")" + hash + R"(","sha256":")" + hash + R"("}])")),
      "a member is repeated");
}

TEST(KeyLineTest, EveryMemberHasBounds) {
  std::string many = "[\"p\"";
  for (int i = 1; i < 257; ++i)
    many += ",\"p" + std::to_string(i) + '"';
  for (const std::string member :
       {R"("prefixes":[])", R"("prefixes":"none")", R"("prefixes":[""])", R"("prefixes":[1])",
        R"("prefixes":["a\nb"])", R"("scopes":[])", R"("scopes":["write"])",
        R"("scopes":["read","read"])", R"("scopes":"read")", R"("expires":"tomorrow")",
        R"("expires":"2027-02-30T00:00:00Z")", R"("expires":1)", R"("expires":null)",
        R"("hashes":[])", R"("hashes":{})", R"("hashes":["x"])", R"("hashes":[{"sha256":"ab"}])",
        R"("comment":7)", R"("certificates":[])"})
    fault_of(line_with(member));
  fault_of(line_with("\"prefixes\":" + many + "]"));
  EXPECT_TRUE(read_key_line(line_with("\"prefixes\":" + many.substr(0, many.rfind(',')) + "]")));
  fault_of(line_with(R"("hashes":[{"sha256":")" + std::string(64, 'A') + R"("}])"));
}

TEST(KeyLineTest, WhatIsMissingIsNamed) {
  for (const std::string member : {"hashes", "scopes", "prefixes", "expires"}) {
    auto line = line_with("");
    const auto begin = line.find('"' + member + '"');
    line.replace(begin + 1, 1, "_"); // another name
    EXPECT_EQ(fault_of(line), "the key has no \"" + member + '"');
  }
  EXPECT_EQ(fault_of("{}"), "the key has no \"id\"");
}

TEST(KeyLineTest, RefusesWhatIsNoObject) {
  for (const auto* line : {"", "x", "[]", "7", "{", R"({"id":"a"} {})", "\xff"})
    EXPECT_EQ(fault_of(line), "it is no JSON object") << line;
}

TEST(KeyLineTest, TellsNothingOfTheLine) {
  for (const std::string& line :
       {line_with(R"("secret-word":1)"), line_with(R"("scopes":["secret-word"])"),
        line_with(R"("expires":"secret-word")"), std::string("secret-word")})
    EXPECT_EQ(fault_of(line).find("secret-word"), std::string::npos) << line;
}

} // namespace
} // namespace telemetry::access
