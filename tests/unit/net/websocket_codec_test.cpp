// Whose stream of Beast's a connection reads with: between two messages none, within one its own.

#include "net/websocket_codec.hpp"
#include "tests/support/upgrade_request.hpp"
#include "tests/support/websocket_frames.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <algorithm>

namespace telemetry::net {
namespace {

using strings = std::vector<std::string>;

constexpr std::size_t message_bytes_max = 1'000;

struct WebsocketCodecTest : testing::Test {
  /// @param limit of bytes per message.
  std::unique_ptr<websocket_codec> connect(std::size_t limit = message_bytes_max) {
    auto codec = std::make_unique<websocket_codec>(limit);
    std::string head;
    EXPECT_FALSE(codec->accept(test::upgrade_request(), "test", lobby, head));
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
    return codec;
  }

  /// Reads `bytes`, to the end. @returns the close frame, or nothing.
  std::optional<std::string> give(websocket_codec& codec, std::string_view bytes) {
    bytes.copy(inbox.space().data(), bytes.size());
    codec.take_in(inbox, bytes.size());
    taken.clear();
    std::optional<std::string> closed;
    while (!closed && inbox.has_input()) {
      closed = codec.read(inbox, pongs);
      taken.insert(taken.end(), inbox.messages().begin(), inbox.messages().end());
    }
    codec.keep_rest(inbox);
    return closed;
  }

  const strings& messages() const { return taken; }

  boost::asio::io_context context;
  websocket_inbox lobby{context.get_executor()}; // they shake hands here, and read there
  websocket_inbox inbox{context.get_executor()};
  std::string pongs;
  strings taken; ///< by the last give()
};

TEST_F(WebsocketCodecTest, ManyConnectionsReadWithOneStream) {
  const auto message = test::client_text("1,2,3,robot");
  std::vector<std::unique_ptr<websocket_codec>> codecs(100);
  for (auto& codec : codecs)
    codec = connect();
  for (const auto& codec : codecs) {
    EXPECT_FALSE(give(*codec, message));
    EXPECT_EQ(messages(), strings{"1,2,3,robot"});
    EXPECT_EQ(inbox.idle_streams(), 1U);
  }
}

TEST_F(WebsocketCodecTest, ManyConnectionsMayBeWithinAMessage) {
  constexpr int count = 100; // more than idle streams are kept
  std::vector<std::unique_ptr<websocket_codec>> codecs;
  for (int i = 0; i < count; ++i)
    codecs.push_back(connect());
  const auto idle = connect();
  const test::frame_shape first{.is_final = false};
  const auto name = [](int i) { return "robot " + std::to_string(i) + " \xc3"; };
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < count; ++i) {
      const auto begin = test::client_frame(test::opcode::text, name(i), first);
      EXPECT_FALSE(give(*codecs[i], begin.substr(0, begin.size() - 3)));
      EXPECT_FALSE(give(*codecs[i], begin.substr(begin.size() - 3)));
      EXPECT_EQ(messages(), strings{});
      EXPECT_FALSE(give(*idle, test::client_text("whole")));
      EXPECT_EQ(messages(), strings{"whole"});
    }
    EXPECT_LE(inbox.idle_streams(), 1U);
    for (int i = 0; i < count; ++i) {
      const auto end = test::client_frame(test::opcode::continuation, "\xa9");
      EXPECT_FALSE(give(*codecs[i], end + test::client_text("next")));
      EXPECT_EQ(messages(), (strings{name(i) + "\xa9", "next"}));
    }
  }
}

TEST_F(WebsocketCodecTest, LimitIsThatOfTheConnectionNotOfTheStream) {
  const auto small = connect(10);
  const auto large = connect(100);
  const auto message = test::client_text(std::string(50, 'x'));
  EXPECT_FALSE(give(*large, message));
  EXPECT_EQ(messages(), strings{std::string(50, 'x')});
  EXPECT_TRUE(give(*small, message));
  EXPECT_EQ(messages(), strings{});
  EXPECT_FALSE(give(*large, message));
  EXPECT_EQ(messages(), strings{std::string(50, 'x')});
}

TEST_F(WebsocketCodecTest, StreamThatFailedIsNotUsedAgain) {
  const auto good = connect();
  for (const auto& bytes : {test::client_close(1000), test::client_text("\xff"),
                            test::client_frame(test::opcode::binary, "x"),
                            test::client_frame(test::opcode::continuation, "x")}) {
    const auto bad = connect();
    EXPECT_TRUE(give(*bad, bytes));
    EXPECT_FALSE(give(*good, test::client_text("fine")));
    EXPECT_EQ(messages(), strings{"fine"});
  }
}

TEST_F(WebsocketCodecTest, ReadsTheSameInATurnPerSlice) {
  std::string bytes;
  strings expected;
  for (int i = 0; i < 500; ++i) {
    const auto name = "robot " + std::to_string(i);
    bytes += test::client_text(name);
    bytes += test::client_frame(test::opcode::text, name, {.is_final = false});
    bytes += test::client_frame(test::opcode::ping, name);
    bytes += test::client_frame(test::opcode::continuation, std::string(20, '.'));
    expected.push_back(name);
    expected.push_back(name + std::string(20, '.'));
  }
  ASSERT_LT(bytes.size(), websocket_inbox::read_bytes_max);
  const auto codec = connect();
  bytes.copy(inbox.space().data(), bytes.size());
  std::size_t size = bytes.size();
  strings all;
  do {
    codec->take_in(inbox, std::exchange(size, 0));
    ASSERT_FALSE(codec->read(inbox, pongs));
    EXPECT_LE(inbox.frames(), websocket_inbox::slice_bytes / 6 + 1);
    all.insert(all.end(), inbox.messages().begin(), inbox.messages().end());
    codec->keep_rest(inbox);
  } while (codec->has_rest());
  EXPECT_EQ(all, expected);
  EXPECT_EQ(std::count(pongs.begin(), pongs.end(), '\x8a'), 500);
}

TEST_F(WebsocketCodecTest, EarlyBytesMayBeMoreThanATurnHolds) {
  std::string early;
  for (int i = 0; i < 20'000; ++i)
    early += test::client_text("1,2," + std::to_string(i) + ",r");
  const auto codec = connect();
  codec->keep_early(early);
  std::size_t count = 0;
  while (codec->has_rest()) {
    codec->take_in(inbox, 0);
    while (inbox.has_input()) {
      ASSERT_FALSE(codec->read(inbox, pongs));
      count += inbox.messages().size();
    }
    codec->keep_rest(inbox);
  }
  EXPECT_EQ(count, 20'000U);
}

} // namespace
} // namespace telemetry::net
