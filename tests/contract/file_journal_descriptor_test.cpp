// The journal in files when the process has no file descriptor left.
#include "tests/contract/engines.hpp"
#include "tests/contract/journal_entries.hpp"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace telemetry::test {
namespace {

/// Holds every file descriptor that the process may have, as idle sockets would. The limit is
/// lowered meanwhile, so that they are few.
class no_descriptors {
public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    taken_.push_back(next);
    rlimit lowered = before_;
    lowered.rlim_cur = static_cast<rlim_t>(next) + 64;
    ::setrlimit(RLIMIT_NOFILE, &lowered);
    for (int one = next; one >= 0;) {
      one = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (one >= 0)
        taken_.push_back(one);
    }
    EXPECT_EQ(errno, EMFILE);
  }
  ~no_descriptors() {
    for (const int one : taken_)
      ::close(one);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;

private:
  rlimit before_{};
  std::vector<int> taken_;
};

constexpr std::size_t entry_bytes = 30'000; // two or three fill a segment

TEST(FileJournalDescriptorTest, RotatesWithoutAFreeDescriptor) {
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  ASSERT_TRUE(append_entries(engine.log(), 1, entry_bytes));
  {
    const no_descriptors none;
    for (std::uint64_t n = 2; n <= 12; ++n) {
      const auto appended = append_entries(engine.log(), n, entry_bytes);
      ASSERT_TRUE(appended) << n << ": " << appended.error().text;
    }
  }
  EXPECT_EQ(replay_entries(engine.log(), 0, 0), numbers(1, 12));
  ASSERT_TRUE(engine.open());
  EXPECT_EQ(replay_entries(engine.log(), 0, 0), numbers(1, 12));
}

TEST(FileJournalDescriptorTest, UsesASpareSegmentWithoutAFreeDescriptor) {
  faulty_file_journal engine;
  ASSERT_TRUE(engine.open());
  for (std::uint64_t n = 1; n <= 12; ++n)
    ASSERT_TRUE(append_entries(engine.log(), n, entry_bytes));
  for (std::uint32_t shard = 0; shard < 2; ++shard)
    ASSERT_TRUE(engine.log().trim(shard, 12));
  const no_descriptors none;
  for (std::uint64_t n = 13; n <= 24; ++n) {
    const auto appended = append_entries(engine.log(), n, entry_bytes);
    ASSERT_TRUE(appended) << n << ": " << appended.error().text;
  }
}

} // namespace
} // namespace telemetry::test
