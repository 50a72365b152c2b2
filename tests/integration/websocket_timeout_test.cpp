#include "tests/integration/websocket_harness.hpp"

namespace telemetry::test {
namespace {

// A tick is a second, and the idle time-out a minute (the defaults).
constexpr int half = 30;

const std::vector<server_frame> one_ping{{opcode::ping, ""}};

TEST(WebsocketTimeoutTest, PingsAnIdlePeerOnce) {
  websocket_pair pair;
  pair.start();
  pair.tick(half - 1);
  EXPECT_TRUE(pair.frames().empty());
  pair.tick(half);
  EXPECT_EQ(pair.frames(), one_ping);
}

TEST(WebsocketTimeoutTest, KeepsAPeerThatAnswersPings) {
  websocket_pair pair;
  pair.start();
  for (int round = 0; round < 5; ++round) {
    pair.tick(half);
    EXPECT_EQ(pair.frames(), one_ping) << round;
    pair.send(client_frame(opcode::pong, ""));
  }
  EXPECT_EQ(pair.registry.count(), 1u);
}

TEST(WebsocketTimeoutTest, ClosesAPeerThatAnswersNothing) {
  websocket_pair pair;
  pair.start();
  pair.tick(2 * half);
  EXPECT_EQ(pair.registry.count(), 1u);
  pair.tick(1);
  EXPECT_EQ(pair.registry.count(), 0u);
  EXPECT_EQ(pair.engine.closed, 1);
}

TEST(WebsocketTimeoutTest, StandsStillWhileThereIsNoCredit) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.tick(half + 5);
  EXPECT_EQ(pair.frames(), one_ping);
  pair.engine.on_read = [&] { pair.engine.has_credit = false; };
  pair.send(client_text("a"));
  pair.tick(10 * half);
  EXPECT_EQ(pair.registry.count(), 1u);
  EXPECT_TRUE(pair.frames().empty());
  pair.engine.has_credit = true;
  pair.engine.answer(1);
  pair.run();
  pair.tick(half - 1);
  EXPECT_EQ(pair.frames(), (std::vector<server_frame>{{opcode::text, "OK"}}))
      << "after a pause a peer gets the whole time again";
}

TEST(WebsocketTimeoutTest, ClosesAPeerThatReadsNothing) {
  websocket_pair pair;
  pair.start();
  pair.block();
  pair.send(client_text("a"));
  for (int i = 0; i < 2 * half; ++i) {
    pair.send(client_frame(opcode::pong, "")); // it is alive, but does not read
    pair.tick(1);
  }
  EXPECT_EQ(pair.registry.count(), 1u);
  pair.tick(1);
  EXPECT_EQ(pair.registry.count(), 0u);
}

TEST(WebsocketTimeoutTest, TheSettingSaysHowLong) {
  websocket_pair pair;
  pair.options.idle_timeout = std::chrono::milliseconds(800); // a tick is 100 ms
  pair.start();
  pair.tick(4);
  EXPECT_EQ(pair.frames(), one_ping);
  pair.tick(4);
  EXPECT_EQ(pair.registry.count(), 1u);
  pair.tick(1);
  EXPECT_EQ(pair.registry.count(), 0u);
}

} // namespace
} // namespace telemetry::test
