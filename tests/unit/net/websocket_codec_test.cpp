// Whose stream of Beast's a connection reads with: between two messages none, within one its own.

#include "net/websocket_codec.hpp"
#include "tests/support/upgrade_request.hpp"
#include "tests/support/websocket_frames.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

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

} // namespace
} // namespace telemetry::net
