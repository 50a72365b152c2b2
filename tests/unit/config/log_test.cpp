#include "config/log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace telemetry::log {
namespace {

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

/// Restores what other tests expect.
class LogTest : public testing::Test {
protected:
  void TearDown() override { start(level::info, format::logfmt); }
};

TEST_F(LogTest, WritesOnlyWhatIsImportantEnough) {
  testing::internal::CaptureStderr();
  start(level::warn, format::logfmt);
  debug("a");
  info("b");
  warn("c");
  error("d");
  flush();
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines_in(written), 2u) << written;
  EXPECT_NE(written.find("level=warn msg=\"c\""), std::string::npos) << written;
  EXPECT_NE(written.find("level=error msg=\"d\""), std::string::npos) << written;
}

TEST_F(LogTest, ChangesFormatWhenStartedAgain) {
  testing::internal::CaptureStderr();
  start(level::debug, format::json);
  debug("hello", {{"n", 1}});
  flush();
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_NE(written.find(R"("level":"debug","msg":"hello","n":1})"), std::string::npos) << written;
}

TEST_F(LogTest, FlushWritesEveryLineOfEveryThreadInItsOrder) {
  constexpr int threads = 4;
  constexpr int lines_each = 500; // together below the queue's bound
  testing::internal::CaptureStderr();
  start(level::info, format::logfmt);
  std::vector<std::thread> writers;
  for (int t = 0; t < threads; ++t)
    writers.emplace_back([t] {
      for (int i = 0; i < lines_each; ++i)
        info("line", {{"thread", t}, {"n", i}});
    });
  for (std::thread& writer : writers)
    writer.join();
  flush();
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines_in(written), std::size_t{threads} * lines_each);
  for (int t = 0; t < threads; ++t) {
    std::size_t at = 0;
    for (int i = 0; i < lines_each; ++i) {
      const std::string wanted = "thread=" + std::to_string(t) + " n=" + std::to_string(i) + "\n";
      at = written.find(wanted, at);
      ASSERT_NE(at, std::string::npos) << wanted;
    }
  }
}

TEST_F(LogTest, DropsTheOldestAndSaysSoWhenStderrIsStuck) {
  constexpr int lines = 20'000; // more than the queue holds
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int saved = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO); // nobody reads: the writer thread blocks once the pipe is full
  start(level::info, format::logfmt);
  for (int i = 0; i < lines; ++i)
    info("line", {{"n", i}});
  std::string written;
  std::thread reader([&] {
    char buffer[65536];
    for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
      written.append(buffer, static_cast<std::size_t>(n));
  });
  flush();
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(ends[1]);
  reader.join();
  close(ends[0]);
  EXPECT_LT(lines_in(written), std::size_t{lines});
  EXPECT_NE(written.find("msg=\"log lines dropped: stderr is too slow\" lines="),
            std::string::npos);
  EXPECT_NE(written.find(" n=" + std::to_string(lines - 1) + "\n"), std::string::npos);
}

TEST_F(LogTest, FlushGivesUpOnAReaderThatIsStuckAndLosesNothing) {
  constexpr int lines = 5'000; // more than a pipe holds, fewer than the queue
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int saved = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  close(ends[1]);
  start(level::info, format::logfmt);
  for (int i = 0; i < lines; ++i)
    info("line", {{"n", i}});
  flush(); // nobody reads: returning at all is what is tested
  std::string written;
  char buffer[65536];
  while (lines_in(written) < std::size_t{lines}) {
    const ssize_t n = read(ends[0], buffer, sizeof buffer);
    ASSERT_GT(n, 0);
    written.append(buffer, static_cast<std::size_t>(n));
  }
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(ends[0]);
  EXPECT_EQ(lines_in(written), std::size_t{lines});
}

} // namespace
} // namespace telemetry::log
