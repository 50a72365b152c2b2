#include "net/rest/problem.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace telemetry::net {
namespace {

TEST(ProblemTest, HasItsMembersInOrder) {
  const auto answer = make_problem(404, "/api/robots/\"x\"?q", "no \"x\"");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.content_type, "application/problem+json");
  EXPECT_EQ(answer.body,
            "{\"detail\":\"no \\\"x\\\"\",\"instance\":\"/api/robots/\\\"x\\\"\",\"status\":404,"
            "\"title\":\"Not Found\",\"type\":\"about:blank\"}\n");
}

TEST(ProblemTest, MapsEveryFailureToAStatus) {
  const std::vector<std::pair<errc, int>> all{
      {errc::malformed, 400},   {errc::unavailable, 503},    {errc::no_space, 503},
      {errc::fenced, 503},      {errc::shutting_down, 503},  {errc::timeout, 504},
      {errc::corrupt, 500},     {errc::sync_failed, 500},    {errc::version, 500},
      {errc::locked, 500},      {errc::invalid_option, 500}, {errc::unreachable, 503},
      {errc::write_failed, 500}};
  for (const auto& [code, status] : all) {
    const auto answer = make_problem(failure{code, "why"}, "/");
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.headers, status == 503 ? "Retry-After: 1\r\n" : "");
    EXPECT_EQ(nlohmann::json::parse(answer.body).at("detail"), "why");
  }
}

TEST(ProblemTest, KnowsThePhraseOfEveryStatusInUse) {
  for (const int status :
       {200, 204, 400, 404, 405, 408, 411, 413, 415, 417, 426, 431, 500, 501, 503, 504})
    EXPECT_NE(status_phrase(status), "Unknown") << status;
}

} // namespace
} // namespace telemetry::net
