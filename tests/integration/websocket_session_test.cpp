#include "net/turn_queue.hpp"
#include "net/websocket_codec.hpp"
#include "tests/integration/websocket_harness.hpp"
#include "tests/unit/actors/heap_count.hpp"

#include <chrono>
#include <thread>

namespace telemetry::test {
namespace {

using net::close_code;
using strings = std::vector<std::string>;

const server_frame ok{opcode::text, "OK"};

std::vector<server_frame> oks(std::size_t count) { return std::vector<server_frame>(count, ok); }

TEST(WebsocketSessionTest, AnswersTheHandshake) {
  websocket_pair pair;
  const auto head = pair.start();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << head;
  EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), head.npos) << head;
  EXPECT_NE(head.find("Server: telemetryd/test\r\n"), head.npos) << head;
  EXPECT_EQ(head.find("Sec-WebSocket-Extensions"), head.npos) << head;
}

TEST(WebsocketSessionTest, RefusesABadHandshakeWithAProblem) {
  websocket_pair pair;
  const auto head = pair.start("", {"Sec-WebSocket-Key", ""});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 400 Bad Request\r\n")) << head;
  EXPECT_NE(head.find("Content-Type: application/problem+json\r\n"), head.npos) << head;
  const auto body = pair.rest();
  EXPECT_NE(head.find("Content-Length: " + std::to_string(body.size()) + "\r\n"), head.npos)
      << head;
  EXPECT_EQ(body.front(), '{');
  EXPECT_TRUE(pair.peer.has_its_end);
  EXPECT_EQ(pair.engine.opened, 0);
}

TEST(WebsocketSessionTest, TellsWhichVersionItSpeaks) {
  websocket_pair pair;
  const auto head = pair.start("", {"Sec-WebSocket-Version", "12"});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 426 Upgrade Required\r\n")) << head;
  EXPECT_NE(head.find("Sec-WebSocket-Version: 13\r\n"), head.npos) << head;
}

TEST(WebsocketSessionTest, TellsTheEngineWhoOpensIt) {
  websocket_pair pair;
  pair.start();
  EXPECT_EQ(pair.engine.opened_by, "a test");
}

TEST(WebsocketSessionTest, HandsOverAllMessagesOfOneReadAtOnce) {
  websocket_pair pair;
  pair.start();
  pair.send(client_text("a") + client_text("") + client_text("b\nc"));
  EXPECT_EQ(pair.engine.received, (strings{"a", "", "b\nc"}));
  EXPECT_EQ(pair.engine.reads, 1);
  EXPECT_EQ(pair.frames(), oks(3));
}

/// Three messages, each of which comes long after the answer to the one before.
void send_at_its_own_pace(websocket_pair& pair) {
  for (int i = 0; i < 3; ++i) {
    pair.send(client_text("1,2,3,r"));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST(WebsocketSessionTest, LetsTheBytesOfAPacedProducerGather) {
  websocket_pair pair;
  pair.start();
  EXPECT_FALSE(pair.peer.is_gathered);
  send_at_its_own_pace(pair);
  EXPECT_TRUE(pair.peer.is_gathered);
  EXPECT_EQ(pair.frames(), oks(3));
}

TEST(WebsocketSessionTest, LetsNothingGatherOfAProducerThatWaits) {
  websocket_pair pair;
  pair.start();
  for (int i = 0; i < 300; ++i) {
    pair.send(client_text("1,2,3,r"));
    if (pair.peer.is_gathered) // a trial, which shows that it waits
      std::this_thread::sleep_for(pair.options.read_delay);
  }
  EXPECT_FALSE(pair.peer.is_gathered);
}

TEST(WebsocketSessionTest, LetsNothingGatherWithoutADelay) {
  websocket_pair pair;
  pair.options.read_delay = std::chrono::milliseconds(0);
  pair.start();
  send_at_its_own_pace(pair);
  EXPECT_FALSE(pair.peer.is_gathered);
}

TEST(WebsocketSessionTest, ReadsWhatCameBehindTheHandshake) {
  websocket_pair pair;
  const auto second = client_text("second");
  pair.start(client_text("first") + second.substr(0, 4));
  pair.send(second.substr(4));
  EXPECT_EQ(pair.engine.received, (strings{"first", "second"}));
}

TEST(WebsocketSessionTest, ReadsMoreBehindTheHandshakeThanFitsInOneRead) {
  websocket_pair pair;
  std::string early;
  for (int i = 0; i < 10'000; ++i)
    early += client_text("1,2,3,robot" + std::to_string(i));
  pair.start(early);
  EXPECT_EQ(pair.engine.received.size(), 10'000u);
  EXPECT_EQ(pair.engine.received.back(), "1,2,3,robot9999");
  EXPECT_EQ(pair.frames().size(), 10'000u);
}

std::string empty_messages(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i)
    bytes += client_text("");
  return bytes;
}

/// How many messages `pair` has taken when its event loop looks at everybody else again for the
/// first time after it began to read `bytes`.
std::size_t messages_of_first_turn(websocket_pair& pair, const std::string& bytes) {
  std::size_t taken = 0;
  pair.engine.on_read = [&] {
    pair.engine.on_read = {};
    pair.post([&] { taken = pair.engine.received.size(); });
  };
  pair.send(bytes);
  return taken;
}

TEST(WebsocketSessionTest, EndsATurnAfterItsLines) {
  websocket_pair pair;
  pair.start();
  const std::string lines(50, '\n');
  std::string bytes;
  for (int i = 0; i < 1000; ++i)
    bytes += client_text(lines);
  ASSERT_LT(bytes.size(), net::websocket_inbox::read_bytes_max);
  const auto taken = messages_of_first_turn(pair, bytes);
  EXPECT_GT(taken, 0u);
  EXPECT_LT(taken * 51, net::websocket_turn_lines + net::websocket_inbox::slice_bytes);
  EXPECT_EQ(pair.engine.received, strings(1000, lines)) << "the rest has turns of its own";
  EXPECT_EQ(pair.frames(), oks(1000));
}

TEST(WebsocketSessionTest, EndsATurnAfterItsFrames) {
  websocket_pair pair;
  pair.start();
  std::string bytes = client_frame(opcode::text, "", {.is_final = false});
  for (int i = 0; i < 9000; ++i)
    bytes += client_frame(opcode::continuation, "f", {.is_final = false});
  bytes += client_frame(opcode::continuation, "");
  ASSERT_LT(bytes.size(), net::websocket_inbox::read_bytes_max);
  int passes = 0;
  const std::function<void()> count = [&] {
    if (++passes < 100)
      pair.post(count);
  };
  int passes_before = 0;
  pair.engine.on_read = [&] { passes_before = passes; };
  pair.peer.give(bytes);
  pair.peer.pump();
  pair.post(count);
  pair.run();
  EXPECT_EQ(pair.engine.received, strings{std::string(9000, 'f')});
  EXPECT_GE(passes_before, 2) << "9,000 frames are four turns";
}

TEST(WebsocketSessionTest, ReadsInOrderWhatCameBehindTheRestOfATurn) {
  websocket_pair pair;
  pair.start();
  pair.engine.on_read = [&] { pair.engine.has_credit = false; };
  const auto last = client_text("last");
  pair.send(empty_messages(9000) + client_text("behind") + last.substr(0, 3));
  EXPECT_LT(pair.engine.received.size(), 3000u) << "without credit there is no other turn";
  pair.engine.on_read = {};
  pair.engine.has_credit = true;
  pair.engine.current->peer.flush();
  pair.run();
  EXPECT_EQ(pair.engine.received.size(), 9001u);
  EXPECT_EQ(pair.engine.received.back(), "behind");
  pair.send(last.substr(3));
  EXPECT_EQ(pair.engine.received.back(), "last");
}

TEST(WebsocketSessionTest, WaitsForItsTurnAfterAHeavyOne) {
  websocket_pair pair;
  pair.start();
  const auto reads_at_once = [&](const std::string& bytes) {
    const auto before = pair.engine.received.size();
    pair.peer.give(bytes);
    pair.peer.pump();
    const bool at_once = pair.engine.received.size() > before;
    pair.run();
    EXPECT_GT(pair.engine.received.size(), before);
    return at_once;
  };
  EXPECT_TRUE(reads_at_once(client_text("light")));
  EXPECT_TRUE(reads_at_once(empty_messages(net::light_turn_lines + 1)));
  EXPECT_FALSE(reads_at_once(client_text("light again")));
  EXPECT_TRUE(reads_at_once(client_text("light")));
}

TEST(WebsocketSessionTest, WritesALongAnswerInTurns) {
  websocket_pair pair;
  pair.start();
  pair.engine.answers_at_once = false;
  pair.send(client_text("1"));
  std::size_t most = 0;
  std::size_t seen = 0;
  const std::function<void()> watch = [&] {
    most = std::max(most, pair.peer.output.size() - seen);
    seen = pair.peer.output.size();
    if (seen < 200'000)
      pair.post(watch);
  };
  pair.post(watch);
  pair.engine.current->open = 0;
  pair.engine.current->peer.answer(std::string(200'000, 'x'));
  pair.engine.current->peer.flush();
  EXPECT_TRUE(pair.peer.output.empty()) << "not in the engine's call";
  pair.run();
  EXPECT_LE(most, 2 * net::websocket_write_bytes_max) << "a turn's, and a short rest";
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].payload.size(), 200'000u);
}

TEST(WebsocketSessionTest, HasOneTurnForBothTheRestAndNewBytes) {
  websocket_pair pair;
  pair.start();
  std::size_t in_this_pass = 0;
  std::size_t most = 0;
  pair.engine.on_read = [&] {
    if (in_this_pass == 0)
      pair.post([&] { most = std::max(most, std::exchange(in_this_pass, 0)); });
    const auto taken = pair.engine.received.size();
    in_this_pass += taken;
    pair.engine.received.clear();
  };
  const auto bytes = empty_messages(9000);
  pair.peer.give(bytes);
  pair.peer.pump();
  pair.peer.listener->on_ready(); // as an edge of new bytes does
  pair.run();
  EXPECT_LT(most, net::websocket_turn_lines + net::websocket_inbox::slice_bytes / 6 + 1);
}

TEST(WebsocketSessionTest, KeepsNoMemoryOfTheRestOfATurn) {
  websocket_pair pair;
  pair.start();
  const auto heap_after = [&](std::size_t count) {
    pair.send(empty_messages(count));
    EXPECT_EQ(pair.frames().size(), count);
    strings().swap(pair.engine.received);
    pair.send(client_text("x")); // the harness keeps the last input
    (void)pair.frames();
    strings().swap(pair.engine.received);
    return heap_now().live_bytes;
  };
  const auto output_bytes = 2 * 10'000u * 4; // the harness keeps room for the answers, doubled
  const auto small = heap_after(700);
  EXPECT_LT(heap_after(10'000), small + output_bytes + 32'768);
}

TEST(WebsocketSessionTest, ChoosesOurProtocolOfThoseOffered) {
  websocket_pair pair;
  pair.options.on_protocol_refused = [] { FAIL(); };
  const auto head = pair.start("", {"Sec-WebSocket-Protocol", "x, telemetry.v1"});
  EXPECT_NE(head.find("\r\nSec-WebSocket-Protocol: telemetry.v1\r\n"), head.npos) << head;
}

TEST(WebsocketSessionTest, OpensWithoutAProtocolThatIsNotOursAndTellsSo) {
  websocket_pair pair;
  int told = 0;
  pair.options.on_protocol_refused = [&told] { ++told; };
  const auto head = pair.start("", {"Sec-WebSocket-Protocol", "Telemetry.v1, x"});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  EXPECT_EQ(head.find("Sec-WebSocket-Protocol"), head.npos) << head;
  EXPECT_EQ(told, 1);
}

// Messages of every form; wherever the stream is cut, the same messages come out.
TEST(WebsocketSessionTest, ReadsTheSameWhereverTheStreamIsCut) {
  const std::string long_text(300, 'l');
  const std::string input =
      client_text("one") + client_frame(opcode::text, "", {.is_final = false}) +
      client_frame(opcode::ping, "p1") +
      client_frame(opcode::continuation, "", {.is_final = false}) +
      client_frame(opcode::continuation, "tw", {.is_final = false}) +
      client_frame(opcode::pong, "") + client_frame(opcode::ping, "p2") +
      client_frame(opcode::continuation, "o") + client_text(long_text) + client_text("") +
      client_frame(opcode::text, "\xC3", {.is_final = false}) +
      client_frame(opcode::continuation, "\xA4", {.is_final = false}) +
      client_frame(opcode::continuation, "") + client_text("end");
  const strings expected{"one", "two", long_text, "", "\xC3\xA4", "end"};
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    websocket_pair pair;
    pair.start();
    pair.send(input.substr(0, cut));
    pair.send(input.substr(cut));
    ASSERT_EQ(pair.engine.received, expected) << "cut at " << cut;
    std::vector<server_frame> pongs;
    for (const auto& frame : pair.frames())
      if (frame.op == opcode::pong)
        pongs.push_back(frame);
    ASSERT_EQ(pongs, (std::vector<server_frame>{{opcode::pong, "p1"}, {opcode::pong, "p2"}}));
  }
}

TEST(WebsocketSessionTest, ReadsByteByByte) {
  websocket_pair pair;
  pair.start();
  for (const char byte : client_text("a,b") + client_frame(opcode::ping, "x") + client_text("c"))
    pair.send({&byte, 1});
  EXPECT_EQ(pair.engine.received, (strings{"a,b", "c"}));
  EXPECT_EQ(pair.frames(), (std::vector<server_frame>{ok, {opcode::pong, "x"}, ok}));
}

TEST(WebsocketSessionTest, TakesAMessageOfTheGreatestSizeInAnyPieces) {
  websocket_pair pair;
  pair.start();
  const std::string text(pair.options.message_bytes_max, 'm');
  pair.send(client_text(text));
  pair.send(client_frame(opcode::text, text.substr(0, 1), {.is_final = false}));
  pair.send(client_frame(opcode::continuation, text.substr(1, 40'000), {.is_final = false}));
  pair.send(client_frame(opcode::continuation, text.substr(40'001)) + client_text("after"));
  EXPECT_EQ(pair.engine.received, (strings{text, text, "after"}));
  EXPECT_EQ(pair.frames(), oks(3));
}

TEST(WebsocketSessionTest, SendsALongAnswerAsOneMessage) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.send(client_text("a"));
  const std::string lines(70'000, 'E');
  pair.engine.current->open = 0;
  pair.engine.current->peer.answer(lines);
  pair.engine.current->peer.flush();
  pair.run();
  EXPECT_EQ(pair.frames(), (std::vector<server_frame>{{opcode::text, lines}}));
}

TEST(WebsocketSessionTest, DoesNotReadWithoutCredit) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.engine.on_read = [&] { pair.engine.has_credit = false; };
  pair.send(client_text("a"));
  pair.send(client_text("b"));
  EXPECT_EQ(pair.engine.received, (strings{"a"}));
  pair.engine.answer(1);
  pair.run();
  EXPECT_EQ(pair.frames(), oks(1));
  EXPECT_EQ(pair.engine.received, (strings{"a"})) << "answered, but still no credit";
  pair.engine.has_credit = true;
  pair.engine.current->peer.flush();
  pair.run();
  EXPECT_EQ(pair.engine.received, (strings{"a", "b"}));
}

TEST(WebsocketSessionTest, AnswersPingsWhileAnswersAreDue) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.send(client_text("a"));
  pair.send(client_frame(opcode::ping, "still there?"));
  EXPECT_EQ(pair.frames(), (std::vector<server_frame>{{opcode::pong, "still there?"}}));
}

TEST(WebsocketSessionTest, DoesNotReadAPeerThatReadsNoAnswers) {
  websocket_pair pair;
  pair.start();
  pair.block();
  std::string burst;
  for (int i = 0; i < 1000; ++i)
    burst += client_text("e");
  const std::size_t in_backlog = 65'536 / 4; // answers: websocket_backlog_max
  for (int i = 0; i < 100; ++i)
    pair.send(burst);
  const auto read = pair.engine.received.size();
  EXPECT_GE(read, in_backlog);
  EXPECT_LT(read, in_backlog + 65'536 / 7 + 1);
  pair.unblock();
  pair.run();
  EXPECT_EQ(pair.engine.received.size(), 100'000u);
  EXPECT_EQ(pair.frames(), oks(100'000));
}

TEST(WebsocketSessionTest, TellsWhatThePeerHasNotRead) {
  websocket_pair pair;
  pair.start();
  EXPECT_EQ(pair.engine.current->peer.unsent().lines, 0u);
  pair.block();
  pair.send(client_text("a") + client_text("b"));
  pair.engine.current->peer.answer("OK\nOK\nERR no");
  EXPECT_EQ(pair.engine.current->peer.unsent().lines, 5u);
  EXPECT_EQ(pair.engine.current->peer.unsent().bytes, 8u + 2u + 12u);
  pair.unblock();
  EXPECT_EQ(pair.engine.current->peer.unsent().lines, 0u);
  EXPECT_EQ(pair.engine.current->peer.unsent().bytes, 0u);
}

// The peer reads most of a long answer and then stops.
TEST(WebsocketSessionTest, KeepsNoRoomOfAnswersThatAreSent) {
  websocket_pair pair;
  pair.start();
  const std::string lines(1 << 20, 'E');
  const auto before = heap_now().live_bytes;
  pair.peer.write_bytes_left = (1 << 20) - 5000;
  pair.engine.current->peer.answer(lines);
  pair.engine.current->peer.flush();
  pair.run();
  const auto sent = std::exchange(pair.peer.output, {}).size();
  EXPECT_EQ(sent, (1u << 20) - 5000);
  EXPECT_EQ(pair.engine.current->peer.unsent().bytes, 5010u);
  EXPECT_LT(heap_now().live_bytes, before + 8192);
  pair.peer.write_bytes_left = SIZE_MAX;
  pair.unblock();
  EXPECT_EQ(pair.peer.output.size(), 5010u);
}

TEST(WebsocketSessionTest, DropsAnswersOfAPeerThatIsGone) {
  websocket_pair pair;
  pair.engine.answers_at_once = false;
  pair.start();
  pair.send(client_text("a"));
  pair.peer.operations_left = 0; // a reset
  pair.close_client();
  EXPECT_EQ(pair.engine.closed, 1);
  EXPECT_EQ(pair.registry.count(), 0u);
}

TEST(WebsocketSessionTest, IsClosedWith1013AndTheReasonWhenItIsRefused) {
  websocket_pair pair;
  pair.engine.refusal = "the store is away";
  const auto head = pair.start(client_text("a"));
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].close_code(), 1013);
  EXPECT_EQ(frames[0].payload.substr(2), "the store is away");
  EXPECT_TRUE(pair.engine.received.empty());
}

TEST(WebsocketSessionTest, IsToldThatTheServerStopsRatherThanWhyItIsRefused) {
  websocket_pair pair;
  pair.registry.drain_all();
  pair.engine.refusal = "the store is away";
  pair.start();
  const auto frames = pair.frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].close_code(), 1001);
  EXPECT_EQ(frames[0].payload.substr(2), "server is shutting down");
}

// Every operation on the stream may fail, wherever the session stands: it ends, once.
TEST(WebsocketSessionTest, EndsWhereverTheStreamFails) {
  std::size_t complete = 0;
  for (std::size_t n = 0; n < 30; ++n) {
    websocket_pair pair;
    pair.peer.operations_left = n;
    pair.engine.answers_at_once = false;
    pair.start();
    for (int i = 0; i < 5 && pair.engine.current != nullptr; ++i) {
      pair.send(client_text("a") + client_frame(opcode::ping, "p"));
      if (pair.engine.current != nullptr && pair.engine.current->open > 0)
        pair.engine.answer(1);
      pair.run();
    }
    pair.send(client_close(1000));
    pair.run();
    complete += static_cast<std::size_t>(pair.peer.is_open);
    pair.close_client();
    EXPECT_EQ(pair.registry.count(), 0u) << n;
    EXPECT_EQ(pair.engine.closed, pair.engine.opened) << n;
  }
  EXPECT_GT(complete, 0u);
  EXPECT_LT(complete, 30u);
}

TEST(WebsocketSessionTest, EndsWhenTheEngineThrows) {
  websocket_pair pair;
  pair.start();
  pair.engine.on_read = [] { throw std::bad_alloc(); };
  pair.send(client_text("a"));
  EXPECT_EQ(pair.registry.count(), 0u);
  EXPECT_EQ(pair.engine.closed, 1);
}

} // namespace
} // namespace telemetry::test
