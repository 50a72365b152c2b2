#include "net/io_pool.hpp"

#include <gtest/gtest.h>

#include <future>
#include <numeric>

namespace telemetry::net {
namespace {

using namespace std::chrono_literals;

TEST(IoPoolTest, RunsTasksInOrderOnItsOwnThread) {
  pooled_io_thread thread(3, 1s);
  EXPECT_EQ(thread.index(), 3u);
  std::vector<int> order;
  std::promise<std::thread::id> done;
  for (int i = 0; i < 1000; ++i)
    thread.post([&order, i] { order.push_back(i); });
  thread.post([&] { done.set_value(std::this_thread::get_id()); });
  EXPECT_NE(done.get_future().get(), std::this_thread::get_id());
  ASSERT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(IoPoolTest, TakesTasksFromManyThreads) {
  pooled_io_thread thread(0, 1s);
  int ran = 0; // by the one thread only
  std::vector<std::thread> posters;
  for (int i = 0; i < 4; ++i)
    posters.emplace_back([&] {
      for (int k = 0; k < 5000; ++k)
        thread.post([&ran] { ++ran; });
    });
  for (auto& poster : posters)
    poster.join();
  std::promise<void> done;
  thread.post([&] { done.set_value(); });
  done.get_future().wait();
  EXPECT_EQ(ran, 20'000);
}

TEST(IoPoolTest, ATaskMayPostAnother) {
  pooled_io_thread thread(0, 1s);
  std::promise<void> done;
  thread.post([&] { thread.post([&] { done.set_value(); }); });
  done.get_future().wait();
}

TEST(IoPoolTest, DestroysWhatIsPostedAfterTheStopUnrun) {
  pooled_io_thread thread(0, 1s);
  thread.stop();
  thread.stop();
  auto held = std::make_shared<int>();
  thread.post([held] { ADD_FAILURE() << "ran"; });
  EXPECT_EQ(held.use_count(), 1);
}

TEST(IoPoolTest, TellsItsSessionsThatTimePasses) {
  struct clock_session final : session {
    void drain() override {}
    void cut() override { registry->remove(*this); }
    void tick() override {
      if (++ticks == 3)
        done.set_value();
    }
    session_registry* registry = nullptr;
    int ticks = 0;
    std::promise<void> done;
  };
  pooled_io_thread thread(0, 1ms);
  const auto one = std::make_shared<clock_session>();
  one->registry = &thread.sessions();
  thread.post([&] { thread.sessions().add(one, true); });
  one->done.get_future().wait();
}

TEST(SessionRegistryTest, DrainsAndCountsAndForgets) {
  struct plain_session final : session {
    void drain() override { ++drained; }
    void cut() override {}
    int drained = 0;
  };
  session_registry registry;
  const auto first = std::make_shared<plain_session>();
  const auto second = std::make_shared<plain_session>();
  registry.add(first, true);
  registry.add(second, true);
  EXPECT_EQ(registry.count(), 2u);
  registry.remove(*first);
  EXPECT_FALSE(registry.draining());
  registry.drain_all();
  EXPECT_TRUE(registry.draining());
  EXPECT_EQ(first->drained, 0);
  EXPECT_EQ(second->drained, 1);
  EXPECT_EQ(registry.count(), 1u);
}

TEST(SessionRegistryTest, ReviewsThousandsInSeveralTurns) {
  struct reviewed_session final : session {
    void drain() override {}
    void cut() override {}
    void review_rights() override { ++reviews; }
    int reviews = 0;
  };
  session_registry registry;
  std::vector<std::shared_ptr<reviewed_session>> all(10'000);
  for (auto& one : all)
    registry.add(one = std::make_shared<reviewed_session>(), true);
  const auto reviews = [&all] {
    return std::accumulate(all.begin(), all.end(), 0,
                           [](int sum, const auto& one) { return sum + (one ? one->reviews : 0); });
  };
  ASSERT_TRUE(registry.start_review());
  for (int before = 0; registry.review_some(); before = reviews()) {
    EXPECT_GT(reviews(), before);
    EXPECT_LE(reviews() - before, 100) << "others wait for a turn";
  }
  EXPECT_EQ(reviews(), 10'000);

  ASSERT_TRUE(registry.start_review());
  ASSERT_TRUE(registry.review_some());
  EXPECT_FALSE(registry.start_review()) << "the turns of the review before go on";
  registry.remove(*all.back());
  all.back() = nullptr;
  const auto last = reviews();
  while (registry.review_some()) {
  }
  EXPECT_EQ(reviews(), last + 9'999) << "each is asked again, but one that has ended";
}

} // namespace
} // namespace telemetry::net
