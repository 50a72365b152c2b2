#include "core/fifo.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>

namespace telemetry {
namespace {

TEST(FifoTest, EqualsADequeThroughRandomPushesAndPops) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  fifo<int> queue;
  std::deque<int> model;
  for (int step = 0; step < 20'000; ++step) {
    if (model.empty() || random() % 100 < (step / 1'000 % 2 == 0 ? 60 : 40)) {
      queue.push(step);
      model.push_back(step);
    } else {
      queue.pop();
      model.pop_front();
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.empty(), model.empty());
    if (!model.empty()) {
      ASSERT_EQ(queue.front(), model.front());
      ASSERT_EQ(queue.back(), model.back());
    }
  }
}

TEST(FifoTest, LetsGoOfWhatIsPopped) {
  fifo<std::shared_ptr<int>> queue;
  const auto first = std::make_shared<int>(1);
  queue.push(first);
  for (int i = 0; i < 10; ++i)
    queue.push(std::make_shared<int>(i));
  queue.pop();
  EXPECT_EQ(first.use_count(), 1);
}

} // namespace
} // namespace telemetry
