#include "tests/integration/websocket_harness.hpp"

#include <gmock/gmock.h>

namespace telemetry::test {
namespace {

using net::close_code;
using strings = std::vector<std::string>;

/// Bytes that end a connection, and the code that they end it with.
struct ending {
  const char* name;
  std::string bytes;
  int code;
  const char* reason; ///< a part of it
};

std::vector<ending> endings() {
  const auto text = [](std::string_view payload, frame_shape shape) {
    return client_frame(opcode::text, payload, shape);
  };
  const std::string two_fragments = text("a", {.is_final = false}) + client_text("b");
  const std::string cut_code_point =
      text("\xE2\x82", {.is_final = false}) + client_frame(opcode::continuation, "");
  const std::string too_long =
      text(std::string(65'536, 'x'), {.is_final = false}) + client_frame(opcode::continuation, "x");
  return {
      {"unmasked", text("a", {.is_masked = false}), 1002, "unmasked"},
      {"reserved_bit", text("a", {.reserved = 0x20}), 1002, "reserved bits"},
      {"deflate_bit", text("a", {.reserved = 0x40}), 1002, "reserved bits"},
      {"reserved_opcode", client_frame(static_cast<opcode>(0x3), "a"), 1002, "opcode"},
      {"reserved_control", client_frame(static_cast<opcode>(0xf), "a"), 1002, "opcode"},
      {"long_ping", client_frame(opcode::ping, std::string(126, 'p')), 1002, "control frame size"},
      {"fragmented_ping", client_frame(opcode::ping, "p", {.is_final = false}), 1002,
       "control frame was fragmented"},
      {"stray_continuation", client_frame(opcode::continuation, "a"), 1002,
       "continuation frame was unexpected"},
      {"message_in_message", two_fragments, 1002, "data frame was unexpected"},
      {"close_of_one_byte", client_frame(opcode::close, "x"), 1002, "close frame payload size"},
      {"close_with_bad_code", client_close(999), 1002, "close frame reason code"},
      {"binary", client_frame(opcode::binary, "a"), 1003, "text messages only"},
      {"empty_binary", client_frame(opcode::binary, ""), 1003, "text messages only"},
      {"bad_utf8", client_text("\xFF"), 1007, "not valid utf8"},
      {"cut_utf8", client_text("\xE2\x82"), 1007, "not valid utf8"},
      {"cut_utf8_before_an_empty_end", cut_code_point, 1007, "not valid utf8"},
      {"too_big", text("a", {.claimed_size = 65'537}), 1009,
       "at most 65536 bytes (ingest.max_message)"},
      {"absurdly_big", text("a", {.claimed_size = std::uint64_t{1} << 63}), 1009,
       "at most 65536 bytes (ingest.max_message)"},
      {"too_big_in_fragments", too_long, 1009, "at most 65536 bytes (ingest.max_message)"},
      {"close", client_close(1000, "bye"), 1000, ""},
      {"close_with_own_code", client_close(4321), 4321, ""},
  };
}

class WebsocketEndingTest : public testing::TestWithParam<ending> {};

TEST_P(WebsocketEndingTest, ComesAfterTheAnswersWithItsCode) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.send(client_text("a") + client_text("b") + GetParam().bytes + client_text("not read"));
  EXPECT_EQ(pair.engine.received, (strings{"a", "b"}));
  EXPECT_TRUE(pair.frames().empty()) << "closed before the answers";
  pair.engine.answer(1);
  pair.run();
  EXPECT_EQ(pair.frames().size(), 1u) << "closed before the last answer";
  pair.engine.answer(1);
  pair.run();
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].payload, "OK");
  EXPECT_EQ(frames[1].op, opcode::close);
  EXPECT_EQ(frames[1].close_code(), GetParam().code);
  EXPECT_TRUE(pair.peer.has_its_end);
}

TEST_P(WebsocketEndingTest, ComesAtOnceWhenNothingIsDue) {
  websocket_pair pair;
  pair.start();
  pair.send(GetParam().bytes);
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].close_code(), GetParam().code);
  EXPECT_THAT(frames[0].payload.substr(2), testing::HasSubstr(GetParam().reason));
  pair.close_client();
  EXPECT_EQ(pair.registry.count(), 0u);
}

TEST_P(WebsocketEndingTest, ComesTheSameByteByByte) {
  websocket_pair pair;
  pair.start();
  for (const char byte : GetParam().bytes)
    pair.send({&byte, 1});
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].close_code(), GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(All, WebsocketEndingTest, testing::ValuesIn(endings()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(WebsocketCloseTest, AnswersACloseWithoutACodeWith1000) {
  websocket_pair pair;
  pair.start();
  pair.send(client_close(0));
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].op, opcode::close);
  EXPECT_EQ(frames[0].close_code(), 1000);
}

TEST(WebsocketCloseTest, TheEnginesCloseWaitsForTheAnswers) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.send(client_text("a"));
  pair.engine.current->peer.close(close_code::try_again_later, "store away");
  pair.run();
  EXPECT_TRUE(pair.frames().empty());
  pair.send(client_text("too late"));
  EXPECT_EQ(pair.engine.received, (strings{"a"}));
  pair.engine.answer(1);
  pair.run();
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].payload, "OK");
  EXPECT_EQ(frames[1].close_code(), 1013);
  EXPECT_EQ(frames[1].payload.substr(2), "store away");
}

TEST(WebsocketCloseTest, AnswersAClientThatOnlyStoppedSending) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.send(client_text("a") + client_text("b") + client_text("cut").substr(0, 4));
  pair.close_client();
  EXPECT_TRUE(pair.peer.is_open);
  pair.tick(100);
  EXPECT_TRUE(pair.peer.is_open) << "it waits for the engine";
  pair.engine.answer(1);
  EXPECT_TRUE(pair.peer.is_open);
  pair.engine.answer(1);
  pair.run();
  EXPECT_EQ(pair.frames().size(), 2u);
  EXPECT_EQ(pair.rest(), "");
  EXPECT_FALSE(pair.peer.is_open);
  EXPECT_EQ(pair.registry.count(), 0u);
}

TEST(WebsocketCloseTest, AnswersAClientThatStoppedSendingAndReadsLate) {
  websocket_pair pair;
  pair.start();
  pair.block();
  pair.send(client_text("a"));
  pair.close_client();
  EXPECT_TRUE(pair.peer.is_open);
  pair.unblock();
  pair.run();
  EXPECT_EQ(pair.frames().size(), 1u);
  EXPECT_FALSE(pair.peer.is_open);
}

TEST(WebsocketCloseTest, TheFirstCloseCounts) {
  websocket_pair pair;
  pair.start();
  pair.engine.answers_at_once = false;
  pair.send(client_text("a") + client_close(1000));
  pair.engine.current->peer.close(close_code::policy, "too late");
  pair.engine.answer(1);
  pair.run();
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[1].close_code(), 1000);
}

TEST(WebsocketCloseTest, TheEngineMayCloseWithinACall) {
  websocket_pair pair;
  pair.start();
  pair.engine.on_read = [&] { pair.engine.current->peer.close(close_code::policy, "no"); };
  pair.send(client_text("a"));
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].payload, "OK");
  EXPECT_EQ(frames[1].close_code(), 1008);
}

TEST(WebsocketCloseTest, DrainAnswersAndClosesWith1001) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.send(client_text("a"));
  pair.registry.drain_all();
  pair.registry.drain_all();
  pair.send(client_text("not read"));
  EXPECT_EQ(pair.engine.received, (strings{"a"}));
  pair.engine.answer(1);
  pair.run();
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[1].close_code(), 1001);
  pair.close_client();
  EXPECT_EQ(pair.registry.count(), 0u);
}

TEST(WebsocketCloseTest, KeepsItsSideOpenUntilThePeersCloseComes) {
  websocket_pair pair;
  pair.start();
  const auto half = client_text("cut by the close");
  pair.send(half.substr(0, 5));
  pair.registry.drain_all();
  pair.run();
  EXPECT_EQ(pair.frames().size(), 1u);
  pair.send(half.substr(5) + client_text("sent before it saw the close"));
  EXPECT_FALSE(pair.peer.has_its_end);
  pair.send(client_close(1001));
  EXPECT_TRUE(pair.peer.has_its_end);
  EXPECT_TRUE(pair.engine.received.empty());
  pair.close_client();
  EXPECT_EQ(pair.registry.count(), 0u);
}

TEST(WebsocketCloseTest, PeersCloseMayComeWhileAnswersAreDue) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.send(client_text("a"));
  pair.registry.drain_all();
  pair.send(client_close(1000));
  EXPECT_FALSE(pair.peer.has_its_end);
  pair.engine.answer(1);
  pair.run();
  EXPECT_EQ(pair.frames().size(), 2u);
  EXPECT_TRUE(pair.peer.has_its_end);
}

TEST(WebsocketCloseTest, ASessionThatComesWhileDrainingIsClosedWith1001) {
  websocket_pair pair;
  pair.registry.drain_all();
  pair.start(client_text("a"));
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].close_code(), 1001);
  EXPECT_TRUE(pair.engine.received.empty());
}

TEST(WebsocketCloseTest, CutEndsAtOnce) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.send(client_text("a"));
  pair.registry.cut_all();
  pair.run();
  EXPECT_EQ(pair.registry.count(), 0u);
  EXPECT_EQ(pair.engine.closed, 1);
}

TEST(WebsocketCloseTest, WaitsForThePeersEndButNotForEver) {
  websocket_pair pair;
  pair.start();
  pair.send(client_close(1000));
  pair.send("whatever it still sends");
  EXPECT_EQ(pair.registry.count(), 1u);
  EXPECT_TRUE(pair.peer.is_open);
  pair.tick(3); // 3 s
  EXPECT_EQ(pair.registry.count(), 1u);
  pair.tick(1);
  EXPECT_EQ(pair.registry.count(), 0u);
}

TEST(WebsocketCloseTest, DoesNotWaitForAPeerThatReadsNothing) {
  websocket_pair pair;
  pair.start();
  pair.block();
  pair.send(client_text("a") + client_close(1000));
  EXPECT_EQ(pair.registry.count(), 1u);
  pair.tick(4);
  EXPECT_EQ(pair.registry.count(), 0u);
}

TEST(WebsocketCloseTest, FindsThePeersCloseInTheRestOfATurn) {
  websocket_pair pair;
  pair.start();
  std::string bytes;
  for (int i = 0; i < 8'000; ++i)
    bytes += client_text("");
  pair.engine.on_read = [&] {
    pair.engine.on_read = {};
    pair.engine.current->peer.close(close_code::policy, "enough");
  };
  pair.send(bytes + client_close(1000));
  EXPECT_LT(pair.engine.received.size(), 1'000u) << "what follows our close is thrown away";
  EXPECT_TRUE(pair.peer.has_its_end);
  pair.close_client();
  EXPECT_EQ(pair.registry.count(), 0u);
}

TEST(WebsocketCloseTest, SeesTheEndBehindABreachWithMoreBehindIt) {
  websocket_pair pair;
  std::string early = client_text("good") + client_frame(opcode::continuation, "breach");
  early += std::string(100'000, 'x');
  pair.start(early);
  EXPECT_TRUE(pair.peer.has_its_end);
  pair.close_client();
  EXPECT_EQ(pair.registry.count(), 0u);
}

} // namespace
} // namespace telemetry::test
