#include "net/rest/compressed_answer.hpp"

#include "tests/support/gzip.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace telemetry::net {
namespace {

/// Pieces of its own, then perhaps a failure.
class scripted_source final : public body_source {
public:
  scripted_source(std::deque<std::string> pieces, bool fails)
      : pieces_(std::move(pieces)), fails_(fails) {}

  void next(std::function<void(result<body_piece>)> done) override {
    if (pieces_.empty() && fails_)
      return done(failure{errc::unavailable, "the store went away"});
    body_piece piece{std::move(pieces_.front()), pieces_.size() == 1 && !fails_};
    pieces_.pop_front();
    done(std::move(piece));
  }

private:
  std::deque<std::string> pieces_;
  bool fails_;
};

http_answer answer_of(std::size_t bytes) {
  return {200, "text/csv", {}, std::string(bytes, 'x'), nullptr};
}

http_answer long_answer(bool fails = false) {
  http_answer answer = answer_of(5'000);
  answer.more = std::make_unique<scripted_source>(
      std::deque<std::string>{std::string(5'000, 'y'), "", "end"}, fails);
  return answer;
}

TEST(CompressedAnswerTest, CompressesFrom1KiBOn) {
  request_budget memory;
  for (const std::size_t bytes : {1'023, 1'024}) {
    http_answer answer = answer_of(bytes);
    compress(answer, "gzip", memory);
    if (bytes < compressed_bytes_min) {
      EXPECT_EQ(answer.body.size(), bytes);
      EXPECT_EQ(answer.headers, "");
    } else {
      EXPECT_EQ(answer.headers, "Vary: Accept-Encoding\r\nContent-Encoding: gzip\r\n");
      EXPECT_EQ(test::unpacked(answer.body), std::string(bytes, 'x'));
    }
  }
  EXPECT_EQ(memory.bytes(), 0u);
}

TEST(CompressedAnswerTest, SaysThatItVariesAlsoIfItIsNotCompressed) {
  request_budget memory;
  http_answer answer = answer_of(2'000);
  compress(answer, "br", memory);
  EXPECT_EQ(answer.headers, "Vary: Accept-Encoding\r\n");
  EXPECT_EQ(answer.body.size(), 2'000u);
  answer.headers = "Vary: Accept, Accept-Encoding\r\n";
  compress(answer, "", memory);
  EXPECT_EQ(answer.headers, "Vary: Accept, Accept-Encoding\r\n") << "once";
}

TEST(CompressedAnswerTest, CompressesALongAnswerInTheStream) {
  request_budget memory;
  http_answer answer = long_answer();
  compress(answer, "gzip", memory);
  EXPECT_EQ(memory.bytes(), gzip_writer::memory_bytes) << "the compressor is counted";
  std::string body = std::move(answer.body);
  for (bool last = false; !last;)
    answer.more->next([&](result<body_piece> piece) {
      body += piece->text;
      last = piece->last;
    });
  EXPECT_EQ(test::unpacked(body), std::string(5'000, 'x') + std::string(5'000, 'y') + "end");
  answer.more.reset();
  EXPECT_EQ(memory.bytes(), 0u);
}

TEST(CompressedAnswerTest, PassesOnThatItsSourceFailed) {
  request_budget memory;
  http_answer answer = long_answer(true);
  compress(answer, "gzip", memory);
  int pieces = 0;
  bool failed = false;
  while (!failed)
    answer.more->next([&](const result<body_piece>& piece) {
      failed = !piece;
      pieces += piece ? 1 : 0;
      EXPECT_TRUE(!piece || !piece->last);
    });
  EXPECT_EQ(pieces, 3);
}

TEST(CompressedAnswerTest, IsSentAsItIsWithoutRoomForACompressor) {
  request_budget memory(2 * gzip_writer::memory_bytes);
  std::deque<request_loan> others;
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(others.emplace_back(memory).raise_to(SIZE_MAX));
  http_answer answer = long_answer();
  compress(answer, "gzip", memory);
  EXPECT_EQ(answer.headers, "Vary: Accept-Encoding\r\n");
  EXPECT_EQ(answer.body.size(), 5'000u);
}

} // namespace
} // namespace telemetry::net
