#include "tests/integration/websocket_harness.hpp"
#include "tests/support/made_key.hpp"

namespace telemetry::test {
namespace {

using net::scope;

/// A WebSocket of a key, and the sets of keys that come after.
class WebsocketAccessTest : public testing::Test {
protected:
  void SetUp() override {
    know(set_of(key_, other_));
    pair_.who = pair_.known->identify(key_.bearer(), net::wall_now()).who;
    ASSERT_NE(pair_.who, nullptr);
    pair_.start();
  }

  /// Replaces the callers that the server knows, as it does when the keys file changes.
  void know(access::key_set keys) { pair_.know(net::callers::with_keys(std::move(keys))); }

  made_key key_{"robot", {scope::ingest}, {"site-a/"}}, other_{"other", {scope::read}};
  websocket_pair pair_;
};

TEST_F(WebsocketAccessTest, ClosesWith1008WhenItsRightEnds) {
  know(set_of(other_));
  const auto frames = pair_.frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].close_code(), 1008);
}

TEST_F(WebsocketAccessTest, ClosesWhenTheKeyMayNoLongerSend) {
  key_.entry.may = {scope::read};
  know(set_of(key_, other_));
  const auto frames = pair_.frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].close_code(), 1008);
}

TEST_F(WebsocketAccessTest, AnswersWhatWasReadBeforeItCloses) {
  pair_.engine.answers_at_once = false;
  pair_.send(client_text("a") + client_text("b"));
  know(set_of(other_));
  EXPECT_TRUE(pair_.frames().empty());
  pair_.engine.answer(2);
  pair_.run();
  const auto frames = pair_.frames();
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].payload, "OK");
  EXPECT_EQ(frames[1].payload, "OK");
  EXPECT_EQ(frames[2].close_code(), 1008);
}

TEST_F(WebsocketAccessTest, StaysOpenWithItsNewRights) {
  key_.entry.prefixes = {"site-b/"};
  key_.entry.robots = name_filter(key_.entry.prefixes);
  know(set_of(key_, other_));
  EXPECT_TRUE(pair_.frames().empty());
  ASSERT_NE(pair_.engine.changed_to, nullptr);
  EXPECT_TRUE(pair_.engine.changed_to->robots.permits("site-b/1"));
  know(set_of(other_));
  EXPECT_EQ(pair_.frames().at(0).close_code(), 1008);
}

} // namespace
} // namespace telemetry::test
