// What must not allocate: the good path of a line, and a robot at rest. Counts operator new of the
// whole program.

#include "core/event_codec.hpp"
#include "core/line.hpp"
#include "core/robot_track.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

namespace {

std::size_t allocations = 0; // since the start; the tests are single-threaded
std::size_t live = 0;

} // namespace

void* operator new(std::size_t size) {
  ++allocations;
  ++live;
  void* memory = std::malloc(size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

void operator delete(void* memory) noexcept {
  live -= memory != nullptr ? 1 : 0;
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace telemetry {
namespace {

TEST(AllocationTest, GoodLineAllocatesNothing) {
  const std::string long_name =
      "1e-400,-12.3456789012345678," + std::string(30, '0') + "17," + std::string(150, 'n');
  const std::size_t before = allocations;
  const bool good = parse_line(long_name) && parse_line(" +1.5 ,2.,3,robot with a long name");
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(good);
  EXPECT_FALSE(parse_line("x is wrong here,2,3,and this sentence is long"));
  EXPECT_GT(allocations, before); // the counter counts
}

TEST(AllocationTest, DecodingAllocatesNothing) {
  std::string bytes;
  encode_event(bytes, {{1, 2}, 3, "robot with a long name that fits no small string"});
  std::string_view rest = bytes;
  const std::size_t before = allocations;
  const bool good = decode_event(rest).has_value();
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(good);
}

TEST(AllocationTest, RobotAtRestOwnsNoHeapMemory) {
  const std::size_t before = live;
  robot_track track;
  EXPECT_EQ(live, before);
  for (std::int64_t t = 0; t < 1000; ++t) {
    static_cast<void>(track.offer(t, {1, 2}, {1, t, t - 10, t}));
  }
  EXPECT_GT(live, before);
  track.seal(1000);
  if (track.take().rows) {
    track.release();
  }
  EXPECT_TRUE(track.clean());
  EXPECT_EQ(live, before);
  EXPECT_EQ(track.latest().events, 1000u);
}

} // namespace
} // namespace telemetry
