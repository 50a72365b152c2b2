#include "net/http_head_scanner.hpp"

#include <gtest/gtest.h>

#include <string>

namespace telemetry::net {
namespace {

using state = head_scanner::state;

/// What a scanner says of `bytes` in pieces of `step`; stops at the first piece that decides.
state scan_in_pieces(const std::string& bytes, std::size_t step, std::size_t* size = nullptr) {
  head_scanner scanner;
  auto found = state::partial;
  for (std::size_t end = step; found == state::partial; end += step) {
    found = scanner.scan(std::string_view(bytes).substr(0, end));
    if (end >= bytes.size())
      break;
  }
  if (size != nullptr && found == state::whole)
    *size = scanner.bytes();
  return found;
}

constexpr std::size_t steps[] = {1, 2, 3, 7, 1u << 20};

TEST(HttpHeadScannerTest, FindsTheEmptyLineHoweverItArrives) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
  for (const std::size_t step : steps) {
    std::size_t size = 0;
    EXPECT_EQ(scan_in_pieces(head + "GET /next", step, &size), state::whole);
    EXPECT_EQ(size, head.size()) << step;
  }
  for (std::size_t size = 0; size < head.size(); ++size)
    EXPECT_EQ(scan_in_pieces(head.substr(0, size), 1), state::partial) << size;
}

TEST(HttpHeadScannerTest, TakesNoOtherLineEnd) {
  for (const std::string bytes : {"GET /\n\n", "GET /\r\n\n", "GET /\r\r", "GET /\n\r\n\r"})
    for (const std::size_t step : steps)
      EXPECT_EQ(scan_in_pieces(bytes, step), state::partial) << bytes;
}

TEST(HttpHeadScannerTest, BoundsTheBytesHoweverTheyArrive) {
  const std::string begin = "GET / HTTP/1.1\r\nA: ";
  const std::string end = "\r\n\r\n";
  const std::string fill(head_bytes_max - begin.size() - end.size(), 'a');
  for (const std::size_t step : steps) {
    EXPECT_EQ(scan_in_pieces(begin + fill + end, step), state::whole) << step;
    EXPECT_EQ(scan_in_pieces(begin + fill + "a" + end, step), state::too_large) << step;
    EXPECT_EQ(scan_in_pieces(begin + fill + fill, step), state::too_large) << step;
  }
}

TEST(HttpHeadScannerTest, BoundsTheFieldsButNotFoldedLines) {
  std::string fields;
  for (std::size_t i = 0; i < head_fields_max; ++i)
    fields += "a:b\r\n";
  for (const std::size_t step : steps) {
    EXPECT_EQ(scan_in_pieces("GET / HTTP/1.1\r\n" + fields + " c\r\n\td\r\n\r\n", step),
              state::whole);
    EXPECT_EQ(scan_in_pieces("GET / HTTP/1.1\r\n" + fields + "c:d\r\n", step), state::too_large);
  }
}

TEST(HttpHeadScannerTest, KnowsAtOnceThatItIsNoRequest) {
  for (const char c : {'\x16', '\0', '\x80', ' ', '\n', ':', '\x7f'})
    EXPECT_EQ(scan_in_pieces(std::string(1, c), 1), state::malformed) << int{c};
  EXPECT_EQ(scan_in_pieces("\r", 1), state::partial);
  EXPECT_EQ(scan_in_pieces("\rG", 1), state::malformed);
}

} // namespace
} // namespace telemetry::net
