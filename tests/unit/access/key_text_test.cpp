#include "access/key_text.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace telemetry::access {
namespace {

std::string made(std::string_view id = "gw-7") {
  auto text = make_key(id);
  return text ? text.value() : text.error().text;
}

key_fault fault_of(std::string_view text) {
  key_fault fault{};
  EXPECT_FALSE(read_key(text, &fault)) << text;
  return fault;
}

TEST(KeyTextTest, ReadsWhatItMakes) {
  for (const std::string id : {"a", "gw-7", "0123456789abcdef0123456789abcdef"}) {
    const auto text = made(id);
    const auto read = read_key(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->id, id);
    EXPECT_EQ(text.size(), 4 + id.size() + 1 + 49);
  }
}

TEST(KeyTextTest, KnowsTheKeyOfAnotherProgram) {
  // Python: zlib.crc32 over everything before, as six digits of base 62, 0-9A-Za-z.
  const std::string text = "tmk_gw-7.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg";
  EXPECT_TRUE(read_key(text + "4V6Yn9"));
}

TEST(KeyTextTest, TellsATruncatedKeyFromAWrongOne) {
  const auto text = made();
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_EQ(fault_of(std::string_view(text).substr(0, size)), key_fault::malformed) << size;
  for (std::size_t place = text.size() - 49; place < text.size(); ++place) {
    auto wrong = text;
    wrong[place] = wrong[place] == 'x' ? 'y' : 'x';
    EXPECT_EQ(fault_of(wrong), key_fault::checksum) << place;
  }
  auto other_id = text;
  other_id[4] = 'x';
  EXPECT_EQ(fault_of(other_id), key_fault::checksum) << "the check covers the id";
}

TEST(KeyTextTest, RefusesWhatIsNoKey) {
  const auto text = made();
  for (const auto& wrong : std::vector<std::string>{
           "", "tmk_", "tmk_.", "TMK_" + text.substr(4), text + "0", " " + text, text + "\n",
           "tmk_GW" + text.substr(text.find('.')), "tmk_" + text.substr(text.find('.')),
           "tmk_" + std::string(33, 'a') + text.substr(text.find('.')),
           text.substr(0, text.size() - 1) + "-", text.substr(0, text.size() - 1) + "\xff"})
    EXPECT_EQ(fault_of(wrong), key_fault::malformed) << wrong;
}

TEST(KeyTextTest, MakesSecretsOfAllCharactersAndNoneTwice) {
  std::set<std::string> secrets;
  std::set<char> characters;
  for (int i = 0; i < 500; ++i) {
    const auto secret = made().substr(9, key_secret_bytes);
    EXPECT_TRUE(secrets.insert(secret).second);
    characters.insert(secret.begin(), secret.end());
  }
  EXPECT_EQ(characters.size(), 62u);
}

TEST(KeyTextTest, HashesTheWholeText) {
  const auto hash = hash_of_key("abc"); // FIPS 180-2, appendix B.1
  EXPECT_EQ(hash[0], 0xba);
  EXPECT_EQ(hash[1], 0x78);
  EXPECT_EQ(hash[31], 0xad);
  EXPECT_TRUE(are_equal(hash, hash_of_key("abc")));
  EXPECT_FALSE(are_equal(hash, hash_of_key("abd")));
}

TEST(KeyTextTest, IdsAreShortAndPlain) {
  for (const auto* id : {"a", "0", "-", "gw-7"})
    EXPECT_TRUE(is_key_id(id)) << id;
  for (const auto* id : {"", "A", "a.b", "a b", "\xc3\xa4", "a_b"})
    EXPECT_FALSE(is_key_id(id)) << id;
}

} // namespace
} // namespace telemetry::access
