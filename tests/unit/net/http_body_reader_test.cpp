#include "net/http_body_reader.hpp"

#include <gtest/gtest.h>

#include <string>

namespace telemetry::net {
namespace {

using state = http_body_reader::state;

/// What a reader makes of `bytes` that arrive in pieces of `step`.
struct outcome {
  state status;
  std::string text;
  std::string rest; ///< received and not taken
};

outcome read_in_pieces(http_body_reader reader, const std::string& bytes, std::size_t step) {
  std::string buffer;
  for (std::size_t at = 0; at < bytes.size() && reader.status() == state::partial; at += step) {
    buffer += bytes.substr(at, step);
    buffer.erase(0, reader.take(buffer));
    EXPECT_LE(reader.status() == state::partial ? buffer.size() : 0, trailer_bytes_max);
  }
  return {reader.status(), reader.text(), buffer};
}

constexpr std::size_t steps[] = {1, 2, 3, 7, 1u << 20};

state chunked(const std::string& bytes, std::size_t step = 1u << 20) {
  return read_in_pieces(http_body_reader::chunked(100), bytes, step).status;
}

TEST(HttpBodyReaderTest, TakesAsManyBytesAsTheLength) {
  EXPECT_EQ(http_body_reader::with_length(0).status(), state::whole);
  for (const std::size_t step : steps) {
    EXPECT_EQ(read_in_pieces(http_body_reader::with_length(4), "abcd", step).text, "abcd");
    EXPECT_EQ(read_in_pieces(http_body_reader::with_length(4), "abc", step).status, state::partial);
  }
  EXPECT_EQ(read_in_pieces(http_body_reader::with_length(4), "abcdGET /", 9).rest, "GET /");
}

TEST(HttpBodyReaderTest, JoinsChunksAndDropsWhatIsAroundThem) {
  const std::string body = "3\r\nabc\r\n00A ; x=y;z = \"\\\"\t\xff;\" ;w\r\n0123456789\r\n"
                           "0;last\r\nA: b\r\nAccept:\r\n\r\n";
  for (const std::size_t step : steps) {
    const auto read = read_in_pieces(http_body_reader::chunked(13), body, step);
    EXPECT_EQ(read.status, state::whole) << step;
    EXPECT_EQ(read.text, "abc0123456789");
    EXPECT_EQ(read.rest, "");
  }
  EXPECT_EQ(read_in_pieces(http_body_reader::chunked(13), body + "GET /", 1u << 20).rest, "GET /");
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_EQ(chunked(body.substr(0, size)), state::partial) << size;
}

/// How often a body of 4 MiB that arrives in pieces of 64 KiB moves, once it is longer than that.
int moves_of(http_body_reader reader, const std::string& before_piece) {
  const std::string piece = before_piece + std::string(64u << 10, 'x');
  const char* place = nullptr;
  int moves = 0;
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(reader.take(i == 0 ? piece : (before_piece.empty() ? "" : "\r\n") + piece),
              piece.size() + (i == 0 || before_piece.empty() ? 0 : 2));
    moves += i > 1 && reader.text().data() != place ? 1 : 0;
    place = reader.text().data();
  }
  EXPECT_EQ(reader.text().size(), 4u << 20);
  return moves;
}

TEST(HttpBodyReaderTest, DoesNotMoveALongBodyWhileItGrows) {
  EXPECT_EQ(moves_of(http_body_reader::with_length(4u << 20), ""), 0);
  EXPECT_EQ(moves_of(http_body_reader::chunked(8u << 20), "10000\r\n"), 0);
}

TEST(HttpBodyReaderTest, RefusesBadChunks) {
  for (const std::string bytes : {"\r\n",
                                  "x\r\n",
                                  "-1\r\n",
                                  "+1\r\n",
                                  "0x1\r\n",
                                  " 1\r\n",
                                  "1 \r\n",
                                  "1\n",
                                  "1\r\r\n",
                                  "10000000000000000\r\n",
                                  "1\r\nab",
                                  "1\r\na\n",
                                  "1\r\na\rb",
                                  "1;\r\n",
                                  "1;=\r\n",
                                  "1;a=\r\n",
                                  "1;a=\"x\r\n",
                                  "1;a=\"x\\\"\r\n",
                                  "1;a=\"\\\r\n",
                                  "1;a=\"x\"y\r\n",
                                  "1 a\r\n",
                                  "1,a\r\n",
                                  "0\r\nx\r\n",
                                  "0\r\n: x\r\n",
                                  "0\r\na : b\r\n",
                                  "0\r\na: b\r\n c\r\n",
                                  "0\r\na: \x01\r\n",
                                  "0\r\n\n"})
    for (const std::size_t step : steps)
      EXPECT_EQ(chunked(bytes, step), state::malformed) << bytes;
}

TEST(HttpBodyReaderTest, BoundsBodiesLinesAndTrailers) {
  for (const std::size_t step : steps) {
    EXPECT_EQ(chunked("64\r\n" + std::string(100, 'a') + "\r\n0\r\n\r\n", step), state::whole);
    EXPECT_EQ(chunked("65\r\n", step), state::too_large);
    EXPECT_EQ(chunked("64\r\n" + std::string(100, 'a') + "\r\n1\r\n", step), state::too_large);
    EXPECT_EQ(chunked("ffffffffffffffff\r\n", step), state::too_large);
    EXPECT_EQ(chunked("1;" + std::string(chunk_line_bytes_max, 'a'), step), state::malformed);
    const std::string fill(trailer_bytes_max - 7, 'a');
    EXPECT_EQ(chunked("0\r\na: " + fill + "\r\n\r\n", step), state::whole);
    EXPECT_EQ(chunked("0\r\na: a" + fill + "\r\n\r\n", step), state::trailer_too_large);
    std::string lines;
    while (lines.size() <= trailer_bytes_max)
      lines += "a: b\r\n";
    EXPECT_EQ(chunked("0\r\n" + lines, step), state::trailer_too_large);
  }
}

} // namespace
} // namespace telemetry::net
