#include "net/turn_queue.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace telemetry::net {
namespace {

struct taker final : turn_taker {
  explicit taker(std::function<void()> what) : work(std::move(what)) {}
  void on_turn() override { work(); }
  std::function<void()> work;
};

TEST(TurnQueueTest, OneHasItsTurnInAPassOfTheLoop) {
  boost::asio::io_context loop;
  turn_queue turns(loop.get_executor());
  std::string seen;
  for (const char name : {'a', 'b', 'c'})
    turns.push(std::make_shared<taker>([&seen, name] { seen += name; }));
  const std::function<void()> pass = [&] {
    seen += '|';
    if (seen.find('c') == seen.npos)
      boost::asio::post(loop, pass);
  };
  boost::asio::post(loop, pass);
  loop.poll();
  EXPECT_EQ(seen, "a|b|c|");
}

TEST(TurnQueueTest, WhoWantsAnotherTurnWaitsBehindTheOthers) {
  boost::asio::io_context loop;
  turn_queue turns(loop.get_executor());
  std::string seen;
  std::shared_ptr<taker> greedy;
  greedy = std::make_shared<taker>([&] {
    seen += 'g';
    if (seen.size() < 5)
      turns.push(greedy);
  });
  turns.push(greedy);
  turns.push(std::make_shared<taker>([&] { seen += 'm'; }));
  loop.poll();
  EXPECT_EQ(seen, "gmggg");
  greedy.reset();
}

TEST(TurnQueueTest, KeepsNobodyAfterClear) {
  boost::asio::io_context loop;
  turn_queue turns(loop.get_executor());
  auto one = std::make_shared<taker>([] { FAIL(); });
  turns.push(one);
  turns.clear();
  loop.poll();
  EXPECT_EQ(one.use_count(), 1);
}

} // namespace
} // namespace telemetry::net
