#include "net/turn_queue.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <string>

namespace telemetry::net {
namespace {

struct taker final : turn_taker {
  taker(std::size_t count, std::function<void()> what) : lines(count), work(std::move(what)) {}
  std::size_t on_turn() override {
    work();
    return lines;
  }
  std::size_t lines;
  std::function<void()> work;
};

/// Which of a, b and c have their turns in which pass, each of them with so many lines.
std::string turns_of(std::size_t lines) {
  boost::asio::io_context loop;
  turn_queue turns(loop.get_executor());
  std::string seen;
  for (const char name : {'a', 'b', 'c'})
    turns.push(std::make_shared<taker>(lines, [&seen, name] { seen += name; }));
  const std::function<void()> pass = [&] {
    seen += '|';
    if (seen.find('c') == seen.npos)
      boost::asio::post(loop, pass);
  };
  boost::asio::post(loop, pass);
  loop.poll();
  return seen;
}

TEST(TurnQueueTest, RestsForSomePassesAfterAHeavyTurn) {
  EXPECT_EQ(turns_of(light_pass_lines + 1), "a|||b|||c|");
}

TEST(TurnQueueTest, LightTurnsShareAPass) {
  EXPECT_EQ(turns_of(1), "abc|");
  EXPECT_EQ(turns_of(light_turn_lines / 2 + 1), "ab|c|");
  EXPECT_EQ(turns_of(light_turn_lines + 1), "a|b|c|");
}

TEST(TurnQueueTest, WhoWantsAnotherTurnWaitsBehindTheOthers) {
  boost::asio::io_context loop;
  turn_queue turns(loop.get_executor());
  std::string seen;
  std::shared_ptr<taker> greedy;
  greedy = std::make_shared<taker>(0, [&] {
    seen += 'g';
    if (seen.size() < 5)
      turns.push(greedy);
  });
  turns.push(greedy);
  turns.push(std::make_shared<taker>(0, [&] { seen += 'm'; }));
  loop.poll();
  EXPECT_EQ(seen, "gmggg");
  greedy.reset();
}

TEST(TurnQueueTest, APassHasALimitOfTurnsWithoutALine) {
  boost::asio::io_context loop;
  turn_queue turns(loop.get_executor());
  std::size_t count = 0;
  for (std::size_t i = 0; i < turn_queue::turns_max + 1; ++i)
    turns.push(std::make_shared<taker>(0, [&] { ++count; }));
  loop.poll_one();
  EXPECT_EQ(count, turn_queue::turns_max);
  loop.poll_one();
  EXPECT_EQ(count, turn_queue::turns_max + 1);
}

TEST(TurnQueueTest, KeepsNobodyAfterClear) {
  boost::asio::io_context loop;
  turn_queue turns(loop.get_executor());
  auto one = std::make_shared<taker>(0, [] { FAIL(); });
  turns.push(one);
  turns.clear();
  loop.poll();
  EXPECT_EQ(one.use_count(), 1);
}

} // namespace
} // namespace telemetry::net
