#include "net/frame_scanner.hpp"

#include "tests/support/websocket_frames.hpp"

#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using kind = frame_item::kind;
using test::client_frame;
using test::opcode;

frame_item next(frame_scanner& scanner, std::string_view bytes) {
  return scanner.next({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

frame_item first(std::string_view bytes) {
  frame_scanner scanner;
  return next(scanner, bytes);
}

TEST(FrameScannerTest, TakesAWholeTextFrame) {
  const auto frame = client_frame(opcode::text, "1,2,3,robot");
  const auto item = first(frame + "more");
  EXPECT_EQ(item.what, kind::part);
  EXPECT_EQ(item.size, frame.size());
  EXPECT_EQ(item.payload, 11u);
  EXPECT_TRUE(item.ends_message);
}

TEST(FrameScannerTest, WaitsForTheHeaderAndOneByteOfPayload) {
  for (const std::size_t payload : {1u, 125u, 126u, 65535u, 65536u}) {
    const auto frame = client_frame(opcode::text, std::string(payload, 'x'));
    const auto header = frame.size() - payload;
    for (std::size_t size = 0; size <= header; ++size)
      EXPECT_EQ(first(frame.substr(0, size)).what, kind::incomplete) << payload << ' ' << size;
    const auto item = first(frame.substr(0, header + 1));
    EXPECT_EQ(item.what, kind::part) << payload;
    EXPECT_EQ(item.payload, 1u);
    EXPECT_EQ(item.ends_message, payload == 1);
  }
}

TEST(FrameScannerTest, GoesOnInTheMiddleOfAPayload) {
  const auto frame = client_frame(opcode::text, "0123456789");
  frame_scanner scanner;
  EXPECT_EQ(next(scanner, frame.substr(0, 9)).payload, 3u);
  const auto middle = next(scanner, frame.substr(9, 4));
  EXPECT_EQ(middle.payload, 4u);
  EXPECT_FALSE(middle.ends_message);
  const auto end = next(scanner, frame.substr(13) + client_frame(opcode::text, "next"));
  EXPECT_EQ(end.payload, 3u);
  EXPECT_EQ(end.size, 3u);
  EXPECT_TRUE(end.ends_message);
}

TEST(FrameScannerTest, AnEmptyFinalFrameEndsAMessage) {
  const auto item = first(client_frame(opcode::text, ""));
  EXPECT_EQ(item.what, kind::part);
  EXPECT_EQ(item.payload, 0u);
  EXPECT_TRUE(item.ends_message);
}

TEST(FrameScannerTest, DropsEmptyFragmentsInTheMiddleOfAMessage) {
  frame_scanner scanner;
  const auto begin = next(scanner, client_frame(opcode::text, "", {.is_final = false}));
  EXPECT_EQ(begin.what, kind::part);
  EXPECT_FALSE(begin.ends_message);
  for (int i = 0; i < 3; ++i) {
    const auto empty = client_frame(opcode::continuation, "", {.is_final = false});
    const auto item = next(scanner, empty);
    EXPECT_EQ(item.what, kind::nothing);
    EXPECT_EQ(item.size, empty.size());
  }
  EXPECT_TRUE(next(scanner, client_frame(opcode::continuation, "x")).ends_message);
}

TEST(FrameScannerTest, SeesControlFramesBetweenFragments) {
  frame_scanner scanner;
  EXPECT_FALSE(next(scanner, client_frame(opcode::text, "ab", {.is_final = false})).ends_message);
  const auto ping = client_frame(opcode::ping, "hello");
  EXPECT_EQ(next(scanner, ping.substr(0, ping.size() - 1)).what, kind::incomplete);
  const auto item = next(scanner, ping);
  EXPECT_EQ(item.what, kind::ping);
  EXPECT_EQ(item.size, ping.size());
  EXPECT_EQ(item.payload, 5u);
  EXPECT_EQ(next(scanner, client_frame(opcode::pong, "")).what, kind::pong);
  EXPECT_TRUE(next(scanner, client_frame(opcode::continuation, "cd")).ends_message);
}

TEST(FrameScannerTest, AnIncompleteItemStaysBelowItsBound) {
  const auto ping = client_frame(opcode::ping, std::string(125, 'x'));
  EXPECT_EQ(ping.size() - 1, frame_scanner::incomplete_max);
  EXPECT_EQ(first(ping.substr(0, ping.size() - 1)).what, kind::incomplete);
}

TEST(FrameScannerTest, ACloseIsTheLastItem) {
  const auto item = first(test::client_close(1000) + client_frame(opcode::text, "x"));
  EXPECT_EQ(item.what, kind::last);
  EXPECT_EQ(item.size, test::client_close(1000).size());
}

TEST(FrameScannerTest, WhatBreaksTheProtocolIsTheLastItem) {
  EXPECT_EQ(first(client_frame(opcode::text, "x", {.is_masked = false})).what, kind::last);
  EXPECT_EQ(first(client_frame(opcode::text, "x", {.reserved = 0x40})).what, kind::last);
  EXPECT_EQ(first(client_frame(opcode::ping, "x", {.is_final = false})).what, kind::last);
  EXPECT_EQ(first(client_frame(opcode::ping, std::string(126, 'x'))).what, kind::last);
  EXPECT_EQ(first(client_frame(opcode::continuation, "x")).what, kind::last);
  EXPECT_EQ(first(client_frame(static_cast<opcode>(0x3), "x")).what, kind::last);
  EXPECT_EQ(first(client_frame(static_cast<opcode>(0xb), "x")).what, kind::last);
  EXPECT_EQ(first(std::string("\x81\xfe\x00\x05mask12345", 13)).what, kind::last) << "long length";
}

TEST(FrameScannerTest, ANewMessageWithinAMessageIsTheLastItem) {
  frame_scanner scanner;
  EXPECT_EQ(next(scanner, client_frame(opcode::text, "a", {.is_final = false})).what, kind::part);
  EXPECT_EQ(next(scanner, client_frame(opcode::text, "b")).what, kind::last);
}

} // namespace
} // namespace telemetry::net
