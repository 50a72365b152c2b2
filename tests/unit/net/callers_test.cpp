#include "net/callers.hpp"

#include "tests/support/made_key.hpp"

#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using test::made_key;
using test::set_of;

constexpr wall_ms now = 1'800'000'000'000;

TEST(CallersTest, AnOpenServerAsksNobody) {
  EXPECT_FALSE(open_callers()->asks_for_keys());
  for (const char* shown : {"", "Bearer x", "Basic YTpi"})
    EXPECT_EQ(open_callers()->identify(shown, now).who, anonymous()) << shown;
  EXPECT_EQ(open_callers()->renew(anonymous(), now), anonymous());
}

TEST(CallersTest, AKeyGivesItsRights) {
  const made_key gateway("gw-7", {scope::ingest}, {"site-a/"}), viewer("viewer", {scope::read});
  const auto known = callers::with_keys(set_of(gateway, viewer));
  const auto who = known->identify(gateway.bearer(), now).who;
  ASSERT_NE(who, nullptr);
  EXPECT_EQ(who->name, "key:gw-7");
  EXPECT_TRUE(who->may.include(scope::ingest));
  EXPECT_FALSE(who->may.include(scope::read));
  EXPECT_TRUE(who->robots.permits("site-a/1"));
  EXPECT_FALSE(who->robots.permits("site-b/1"));
  EXPECT_EQ(known->identify(viewer.bearer(), now).who->name, "key:viewer");
}

TEST(CallersTest, TakesTheSchemeInAnyCaseAndWithSpaces) {
  const made_key one("a");
  const auto known = callers::with_keys(set_of(one));
  for (const auto* scheme : {"Bearer ", "bearer ", "BEARER   "})
    EXPECT_NE(known->identify(scheme + one.text, now).who, nullptr) << scheme;
}

TEST(CallersTest, SaysWhyARequestHasNoCaller) {
  made_key known_one("a"), gone("gone"), late("late");
  const made_key other("a"), stranger("b");
  gone.entry.revoked = now - 1;
  late.entry.expires = now;
  const auto known = callers::with_keys(set_of(known_one, gone, late));
  auto mistyped = known_one.bearer();
  mistyped.back() = mistyped.back() == 'a' ? 'b' : 'a';
  const struct {
    std::string shown;
    refusal why;
    std::string key_id;
  } cases[] = {{"", refusal::none, ""},
               {known_one.text, refusal::malformed, ""},
               {"Basic " + known_one.text, refusal::malformed, ""},
               {"Bearer", refusal::malformed, ""},
               {"Bearer ", refusal::malformed, ""},
               {"Bearer x.y.z", refusal::malformed, ""},
               {known_one.bearer().substr(0, 30), refusal::malformed, ""},
               {known_one.bearer() + ' ', refusal::malformed, ""},
               {mistyped, refusal::checksum, ""},
               {stranger.bearer(), refusal::unknown, ""},
               {other.bearer(), refusal::secret, "a"},
               {gone.bearer(), refusal::revoked, "gone"},
               {late.bearer(), refusal::expired, "late"}};
  for (const auto& [shown, why, key_id] : cases) {
    const auto found = known->identify(shown, now);
    EXPECT_EQ(found.who, nullptr) << shown;
    EXPECT_EQ(name_of(found.why), name_of(why)) << shown;
    EXPECT_EQ(found.key_id, key_id) << shown;
  }
}

TEST(CallersTest, RenewsARightByTheLaterSet) {
  made_key one("a", {scope::ingest}), other("b");
  const auto before = callers::with_keys(set_of(one, other));
  const auto who = before->identify(one.bearer(), now).who;
  EXPECT_EQ(before->renew(who, now), who);

  one.entry.may = {scope::read};
  const auto changed = callers::with_keys(set_of(other, one))->renew(who, now);
  ASSERT_NE(changed, nullptr);
  EXPECT_FALSE(changed->may.include(scope::ingest));

  EXPECT_EQ(callers::with_keys(set_of(other))->renew(who, now), nullptr) << "removed";
  made_key another_secret("a");
  EXPECT_EQ(callers::with_keys(set_of(another_secret))->renew(who, now), nullptr);
  one.entry.revoked = now;
  EXPECT_EQ(callers::with_keys(set_of(one))->renew(who, now), nullptr);
}

TEST(CallersTest, ARightEndsAtItsTime) {
  made_key one("a"), rotated("b");
  one.entry.expires = now + 50;
  rotated.entry.hashes[0].until = now + 20;
  rotated.entry.hashes.push_back({access::hash_of_key(made_key("b").text), {}});
  const auto known = callers::with_keys(set_of(one, rotated));
  EXPECT_EQ(known->next_end(now), now + 20);
  EXPECT_EQ(known->next_end(now + 20), now + 50);
  EXPECT_EQ(known->next_end(now + 50), std::nullopt);
  const auto who = known->identify(rotated.bearer(), now).who;
  EXPECT_EQ(known->renew(who, now + 19), who);
  EXPECT_EQ(known->renew(who, now + 20), nullptr);
}

TEST(CallersTest, ACertificateSpeaksForTheKeyThatListsIt) {
  made_key one("a", {scope::ingest}), other("b");
  one.entry.hashes.clear();
  one.entry.certificates = {"san:dns:gw.example", "spki:sha256:" + std::string(64, '0')};
  one.entry.expires = now + 10;
  const auto known = callers::with_keys(set_of(one, other));
  const std::vector<std::string> shown{"subject:CN=x", "san:dns:gw.example"}, foreign{"san:dns:x"};
  const auto who = known->identify(shown, now);
  ASSERT_NE(who, nullptr);
  EXPECT_EQ(who->name, "key:a");
  EXPECT_TRUE(who->may.include(scope::ingest));
  EXPECT_EQ(known->identify(foreign, now), nullptr);
  EXPECT_EQ(known->next_end(now), now + 10);
  EXPECT_EQ(known->identify(shown, now + 10), nullptr);
  EXPECT_EQ(known->renew(who, now), who);
  EXPECT_EQ(known->renew(who, now + 10), nullptr);
  EXPECT_EQ(callers::with_keys(set_of(other))->renew(who, now), nullptr);
  EXPECT_EQ(open_callers()->identify(shown, now), nullptr);
}

TEST(CallersTest, AUserOfTheDoorStaysWhateverTheKeysAre) {
  const auto root = local_caller(0);
  EXPECT_EQ(root->name, "local:0");
  EXPECT_TRUE(root->may.include(scope::admin));
  EXPECT_EQ(callers::with_keys(set_of(made_key("a")))->renew(root, now), root);
}

} // namespace
} // namespace telemetry::net
