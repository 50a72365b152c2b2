#include "access/file_watch.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <semaphore>

namespace telemetry::access {
namespace {

/// A file under watch. A test waits for the next look or call, and never for a time.
class FileWatchTest : public testing::Test {
protected:
  FileWatchTest() {
    folder_ = (std::filesystem::temp_directory_path() / "watchXXXXXX").string();
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    write("first");
    watch_.add({path(), folder_ + "/other"}, [this] {
      ++calls_;
      return is_done_.load();
    });
  }
  ~FileWatchTest() override {
    watch_.stop();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string path() const { return folder_ + "/file"; }
  void write(const std::string& text) const { std::ofstream(path()) << text; }
  void wait_for_looks(int count) {
    for (int i = 0; i < count; ++i)
      looks_.acquire();
  }

  std::string folder_;
  std::counting_semaphore<> looks_{0};
  std::atomic<int> calls_{0};
  std::atomic<bool> is_done_{true};
  file_watch watch_{[this] { looks_.release(); }};
};

TEST_F(FileWatchTest, TellsOnceThatAFileHasChanged) {
  watch_.start();
  wait_for_looks(2);
  EXPECT_EQ(calls_, 0);
  write("second, longer");
  wait_for_looks(4);
  EXPECT_EQ(calls_, 1);
}

TEST_F(FileWatchTest, TellsThatAFileCameIsReplacedOrWent) {
  watch_.start();
  std::ofstream(folder_ + "/other") << "x";
  wait_for_looks(4);
  EXPECT_EQ(calls_, 1);
  std::ofstream(folder_ + "/new") << "first";
  std::filesystem::rename(folder_ + "/new", path());
  wait_for_looks(4);
  EXPECT_EQ(calls_, 2);
  std::filesystem::remove(path());
  wait_for_looks(4);
  EXPECT_EQ(calls_, 3);
}

TEST_F(FileWatchTest, WaitsUntilAFileIsAtRest) {
  watch_.start();
  for (int i = 1; i < 6; ++i) {
    write(std::string(static_cast<std::size_t>(10 * i), 'x'));
    wait_for_looks(1);
  }
  EXPECT_LE(calls_, 1) << "a change between two looks, at most at the end of a slow look";
  wait_for_looks(3);
  EXPECT_GE(calls_, 1);
}

TEST_F(FileWatchTest, TellsAgainUntilItIsDone) {
  watch_.start();
  is_done_ = false;
  write("second, longer");
  wait_for_looks(5);
  EXPECT_GE(calls_, 2);
  is_done_ = true;
  wait_for_looks(2);
  const int calls = calls_;
  wait_for_looks(3);
  EXPECT_EQ(calls_, calls);
}

TEST_F(FileWatchTest, LooksAtOnceWhenAsked) {
  watch_.start();
  watch_.look_now();
  wait_for_looks(2);
  EXPECT_EQ(calls_, 1);
}

} // namespace
} // namespace telemetry::access
