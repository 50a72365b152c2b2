#include "tests/support/engine_harness.hpp"
#include "tests/support/producer.hpp"

namespace telemetry::test {
namespace {

using ConnectionTest = engine_test;

TEST_F(ConnectionTest, AnswersOkOnceTheEventIsDurable) {
  start();
  producer client{*this};
  client.send("1,2,3,a");
  settle();
  EXPECT_EQ(client.peer.answers, std::vector<std::string>{"OK"});
}

} // namespace
} // namespace telemetry::test
