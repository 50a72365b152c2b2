#include "net/http_response_head.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

std::string head(const http_answer& answer, http_frame frame = {}) {
  frame.version = "9.8";
  std::string out;
  append_head(out, answer, frame);
  return out;
}

TEST(HttpResponseHeadTest, WritesStatusHeadersAndLength) {
  const http_answer answer{200, "text/csv", "Link: <x>\r\n", "12345", nullptr};
  EXPECT_THAT(head(answer),
              MatchesRegex("HTTP/1.1 200 OK\r\nServer: telemetryd/9.8\r\nDate: [^\r]*GMT\r\n"
                           "Cache-Control: no-store\r\nLink: <x>\r\n"
                           "Content-Type: text/csv\r\nContent-Length: 5\r\n\r\n"));
}

TEST(HttpResponseHeadTest, TellsHowTheBodyEnds) {
  const http_answer answer{200, "text/csv", "", "12345", nullptr};
  http_frame frame;
  frame.framing = http_framing::chunked;
  EXPECT_THAT(head(answer, frame), HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head(answer, frame), Not(HasSubstr("Content-Length")));
  for (const auto framing : {http_framing::none, http_framing::close}) {
    frame.framing = framing;
    EXPECT_THAT(head(answer, frame), Not(HasSubstr("Content-Length")));
    EXPECT_THAT(head(answer, frame), Not(HasSubstr("Transfer-Encoding")));
  }
}

TEST(HttpResponseHeadTest, TellsWhetherTheConnectionGoesOn) {
  http_frame frame;
  EXPECT_THAT(head({}, frame), Not(HasSubstr("Connection")));
  frame.keep_alive = false;
  EXPECT_THAT(head({}, frame), HasSubstr("\r\nConnection: close\r\n"));
  frame.http_1_0 = true;
  EXPECT_THAT(head({}, frame), HasSubstr("HTTP/1.0 200 OK\r\n"));
  EXPECT_THAT(head({}, frame), HasSubstr("\r\nConnection: close\r\n"));
  frame.keep_alive = true;
  EXPECT_THAT(head({}, frame), HasSubstr("\r\nConnection: keep-alive\r\n"));
}

TEST(HttpResponseHeadTest, FramesChunks) {
  std::string out;
  append_chunk(out, "hello");
  append_chunk(out, std::string(300, 'x'));
  EXPECT_EQ(out, "5\r\nhello\r\n12c\r\n" + std::string(300, 'x') + "\r\n");
}

} // namespace
} // namespace telemetry::net
