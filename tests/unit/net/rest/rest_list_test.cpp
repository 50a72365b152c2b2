#include "net/rest/rest_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

namespace telemetry::net {
namespace {

/// Rows of one timestamp each, one a piece; answers within the call or when told to.
class scripted_stream final : public pull_stream<event_row> {
public:
  explicit scripted_stream(timestamp_ms count, std::deque<std::function<void()>>* held = nullptr)
      : count_(count), held_(held) {}

  void next(callback<std::vector<event_row>> done) override {
    std::vector<event_row> piece;
    if (at_ < count_)
      piece.push_back({at_++, {0, 0}, 0});
    if (held_ == nullptr)
      done(std::move(piece));
    else
      held_->push_back([done = std::move(done), piece] { done(piece); });
  }

private:
  timestamp_ms at_ = 0;
  timestamp_ms count_;
  std::deque<std::function<void()>>* held_;
};

list_plan<event_row> plan(std::unique_ptr<pull_stream<event_row>> rows, std::size_t limit) {
  list_plan<event_row> plan;
  plan.target = "/list";
  plan.rows = std::move(rows);
  plan.writer = make_event_writer(event_format::ndjson, "r");
  plan.limit = limit;
  plan.next_link = [](const event_row& last) { return std::to_string(last.timestamp); };
  return plan;
}

TEST(RestListTest, PullsManyPiecesThatAnswerWithinTheCallWithoutRecursion) {
  row_puller<event_row> puller(std::make_unique<scripted_stream>(200'000));
  std::size_t rows = 0;
  puller.pull([&](const result<std::vector<event_row>>& piece) {
    rows += piece->size();
    return !piece->empty();
  });
  EXPECT_EQ(rows, 200'000u);
}

TEST(RestListTest, PullsPiecesThatAnswerLater) {
  std::deque<std::function<void()>> held;
  request_budget memory;
  std::optional<http_answer> answer;
  const auto operation = start_list(plan(std::make_unique<scripted_stream>(3, &held), 2), memory,
                                    [&](http_answer got) { answer = std::move(got); });
  while (!held.empty()) {
    EXPECT_FALSE(answer);
    const auto say = std::move(held.front());
    held.pop_front();
    say();
  }
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->headers, "Link: 1\r\n");
  EXPECT_EQ(std::count(answer->body.begin(), answer->body.end(), '\n'), 2);
}

TEST(RestListTest, LinksOnlyIfMoreRowsFollow) {
  for (const timestamp_ms rows : {0, 1, 2, 3}) {
    request_budget memory;
    std::string headers;
    const auto operation = start_list(plan(std::make_unique<scripted_stream>(rows), 2), memory,
                                      [&](http_answer got) { headers = got.headers; });
    EXPECT_EQ(headers, rows > 2 ? "Link: 1\r\n" : "") << rows;
  }
}

TEST(RestListTest, RefusesPageThatDoesNotFitAndGivesBackWhatItTook) {
  request_budget memory(4'000);
  {
    request_loan most(memory);
    request_loan rest(memory);
    ASSERT_TRUE(most.raise_to(1'000) && rest.raise_to(1'000));
    request_loan more(memory);
    request_loan last(memory);
    ASSERT_TRUE(more.raise_to(1'000) && last.raise_to(500));
    int status = 0;
    const auto operation = start_list(plan(std::make_unique<scripted_stream>(100), 50), memory,
                                      [&](http_answer got) { status = got.status; });
    EXPECT_EQ(status, 503);
  }
  EXPECT_EQ(memory.bytes(), 0u);
}

TEST(RestListTest, CountsOneLoanForAQuarterOfTheBudgetAtMost) {
  request_budget memory(4'000);
  request_loan loan(memory);
  EXPECT_TRUE(loan.raise_to(1'000'000));
  EXPECT_EQ(memory.bytes(), 1'000u);
  request_loan moved(std::move(loan));
  EXPECT_EQ(memory.bytes(), 1'000u);
  moved.give_back();
  EXPECT_EQ(memory.bytes(), 0u);
}

} // namespace
} // namespace telemetry::net
