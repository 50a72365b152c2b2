#include "access/key_line.hpp"
#include "access/key_set.hpp"

#include <gtest/gtest.h>

namespace telemetry::access {
namespace {

constexpr wall_ms now = 1'800'000'000'000;

/// A key with a secret that works at `now`, and its text.
struct made_key {
  explicit made_key(const std::string& id) : text(make_key(id).value()) {
    entry.id = id;
    entry.hashes = {{hash_of_key(text), {}}};
    entry.may = {scope::read};
    entry.robots = name_filter::all();
  }
  [[nodiscard]] std::string line() const { return write_key_line(entry) + '\n'; }

  std::string text;
  key entry;
};

key_set read(const std::string& text) {
  auto set = key_set::read(text);
  EXPECT_TRUE(set) << set.error().text;
  return std::move(set).value();
}

std::string fault_of(const std::string& text) {
  const auto set = key_set::read(text);
  EXPECT_FALSE(set);
  return set ? "" : set.error().text;
}

key_set::verdict check(const key_set& keys, const std::string& text, wall_ms at = now) {
  const auto parts = read_key(text);
  EXPECT_TRUE(parts) << text;
  return keys.check(*parts, text, at);
}

TEST(KeySetTest, FindsTheKeyOfASecret) {
  const made_key a("a"), b("b");
  const auto keys = read("# two keys\n\n" + a.line() + "\r\n" + b.line());
  EXPECT_EQ(keys.size(), 2u);
  EXPECT_EQ(check(keys, a.text).found, keys.find("a"));
  EXPECT_EQ(check(keys, b.text).found, keys.find("b"));
  EXPECT_EQ(keys.find("c"), nullptr);
}

TEST(KeySetTest, SaysWhyAKeyIsRefused) {
  made_key known("a"), other("a"), stranger("b"), gone("gone"), late("late");
  gone.entry.revoked = now - 1;
  late.entry.expires = now;
  const auto keys = read(known.line() + gone.line() + late.line());
  for (const auto& [text, why] :
       {std::pair{other.text, key_refusal::secret}, std::pair{stranger.text, key_refusal::unknown},
        std::pair{gone.text, key_refusal::revoked}, std::pair{late.text, key_refusal::expired}}) {
    const auto verdict = check(keys, text);
    EXPECT_EQ(verdict.found, nullptr) << text;
    EXPECT_EQ(verdict.why, why) << text;
  }
  EXPECT_EQ(check(keys, late.text, now - 1).found, keys.find("late"));
  EXPECT_EQ(check(keys, other.text).meant, keys.find("a"));
  EXPECT_EQ(check(keys, stranger.text).meant, nullptr);
}

TEST(KeySetTest, BothSecretsOfARotationWorkUntilTheOlderEnds) {
  made_key older("a");
  const made_key newer("a");
  older.entry.hashes[0].until = now + 10;
  older.entry.hashes.push_back(newer.entry.hashes[0]);
  older.entry.expires = now + 100;
  const auto keys = read(older.line());
  const auto& rotated = *keys.find("a");
  const auto end_of = [&](const made_key& one) {
    return key_set::end_of(rotated, rotated.hashes.at(check(keys, one.text).hash));
  };
  EXPECT_EQ(end_of(older), now + 10);
  EXPECT_EQ(end_of(newer), now + 100);
  EXPECT_EQ(check(keys, older.text, now + 10).why, key_refusal::expired);
  EXPECT_EQ(check(keys, newer.text, now + 10).found, keys.find("a"));
}

TEST(KeySetTest, NamesTheLineThatIsWrong) {
  const made_key a("a"), b("b");
  EXPECT_EQ(fault_of(a.line() + "\n# x\n{}\n"), "line 4: the key has no \"id\"");
  EXPECT_EQ(fault_of(a.line() + b.line() + made_key("a").line()),
            "line 3: its id is that of an earlier line");
  EXPECT_EQ(fault_of(a.line() + a.line().substr(0, 40)), "line 2: it is no JSON object");
}

TEST(KeySetTest, AnEmptyFileIsNoSetOfKeys) {
  for (const std::string text : {"", "\n\n", "# nothing\n", "#"})
    EXPECT_EQ(fault_of(text), "it has no line of a key");
  made_key gone("gone");
  gone.entry.revoked = now;
  EXPECT_EQ(read(gone.line()).size(), 1u) << "a file whose last key went still has a line";
}

TEST(KeySetTest, ACertificateSpeaksForOneKey) {
  made_key a("a"), b("b");
  a.entry.certificates = b.entry.certificates = {"san:dns:x"};
  EXPECT_EQ(fault_of(a.line() + b.line()), "line 2: a certificate is listed twice");
}

TEST(KeySetTest, HasABoundOfBytes) {
  EXPECT_EQ(fault_of(std::string(keys_file_bytes_max + 1, '\n')), "it has more than 16 MiB");
}

} // namespace
} // namespace telemetry::access
