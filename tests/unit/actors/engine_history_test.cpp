// The engine against the oracle of docs/RULES.md, over random histories on one thread: whatever
// order its actors run in, whatever fails, wherever it crashes, every answer and all that memory
// and store hold are what a naive reader makes of the whole log.
//
// TELEMETRY_SEED=N runs history N alone; TELEMETRY_SOAK=1 runs ten times as many.

#include "tests/support/soak.hpp"
#include "tests/unit/actors/engine_history.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace telemetry::test {
namespace {

constexpr unsigned histories_per_lot = 500;

class engine_history_test : public testing::TestWithParam<unsigned> {};
using EngineHistoryTest = engine_history_test;

void run_one(unsigned seed) {
  SCOPED_TRACE("TELEMETRY_SEED=" + std::to_string(seed));
  engine_history{seed}.run();
}

TEST_P(EngineHistoryTest, AnswersAndStateAreThoseOfANaiveReaderOfTheLog) {
  if (const char* one = std::getenv("TELEMETRY_SEED")) {
    run_one(static_cast<unsigned>(std::strtoul(one, nullptr, 10)));
    return;
  }
  const unsigned count = histories_per_lot * (is_soak() ? 10 : 1);
  const unsigned first = GetParam() * 1'000'000;
  std::printf("seeds %u to %u\n", first, first + count - 1);
  testing::internal::CaptureStderr(); // thousands of commanded failures, each with its log line
  const auto start = std::chrono::steady_clock::now();
  unsigned done = 0;
  for (; done < count && !HasFailure(); ++done)
    run_one(first + done);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  testing::internal::GetCapturedStderr();
  std::printf("%u histories, %.0f a second\n", done, done / took.count());
}

INSTANTIATE_TEST_SUITE_P(Lot, EngineHistoryTest, testing::Range(0U, 4U));

} // namespace
} // namespace telemetry::test
