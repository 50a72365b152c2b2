#include "net/websocket_frames.hpp"

#include "tests/support/websocket_frames.hpp"

#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using test::opcode;
using test::server_frame;
using test::take_server_frames;

TEST(WebsocketFramesTest, WritesAnyNumberOfOks) {
  for (std::size_t count = 0; count < 40; ++count) {
    std::string out;
    append_ok_frames(out, count);
    const std::vector<server_frame> expected(count, {opcode::text, "OK"});
    EXPECT_EQ(take_server_frames(out), expected);
    EXPECT_TRUE(out.empty());
  }
}

TEST(WebsocketFramesTest, WritesTextOfEveryLengthForm) {
  for (const std::size_t size : {0u, 1u, 125u, 126u, 65535u, 65536u, 100000u}) {
    std::string out;
    append_text_frame(out, std::string(size, 'a'));
    const std::size_t header = size < 126 ? 2 : size < 65536 ? 4 : 10;
    EXPECT_EQ(out.size(), header + size);
    const std::vector<server_frame> expected{{opcode::text, std::string(size, 'a')}};
    EXPECT_EQ(take_server_frames(out), expected);
  }
}

TEST(WebsocketFramesTest, WritesPingAndPong) {
  std::string out;
  append_ping_frame(out);
  append_pong_frame(out, "abc");
  const std::vector<server_frame> expected{{opcode::ping, ""}, {opcode::pong, "abc"}};
  EXPECT_EQ(take_server_frames(out), expected);
}

TEST(WebsocketFramesTest, CutsACloseReasonThatDoesNotFit) {
  std::string out;
  append_close_frame(out, close_code::try_again_later, std::string(200, 'r'));
  const auto frames = take_server_frames(out);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].close_code(), 1013);
  EXPECT_EQ(frames[0].payload.size(), 125u);
}

} // namespace
} // namespace telemetry::net
