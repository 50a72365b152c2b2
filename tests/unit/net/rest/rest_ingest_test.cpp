#include "net/rest/rest_ingest.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace telemetry::net {
namespace {

TEST(RestIngestTest, MergesRefusalsOfReaderAndEngineByLine) {
  parsed_body body;
  body.lines = {2, 4, 5};
  body.errors = {{1, "first"}, {3, "third"}};
  body.invalid = 2;
  ingest_outcome outcome;
  outcome.accepted = 1;
  outcome.refused = 2;
  outcome.refusals = {{0, "second"}, {2, "fifth"}};
  EXPECT_EQ(format_ingest_answer(body, outcome),
            "{\"accepted\":1,\"conflict\":0,\"duplicate\":0,\"errors\":["
            "{\"line\":1,\"reason\":\"first\"},{\"line\":2,\"reason\":\"second\"},"
            "{\"line\":3,\"reason\":\"third\"},{\"line\":5,\"reason\":\"fifth\"}],"
            "\"invalid\":4,\"stale\":0}\n");
}

TEST(RestIngestTest, ListsTheFirstHundredOfBoth) {
  parsed_body body;
  ingest_outcome outcome;
  for (std::uint32_t i = 0; i < listed_errors_max; ++i) {
    body.errors.push_back({2 * i + 1, "reader"});
    body.lines.push_back(2 * i + 2);
    outcome.refusals.push_back({i, "engine"});
  }
  body.invalid = 1'000;
  outcome.refused = 1'000;
  const auto answer = nlohmann::json::parse(format_ingest_answer(body, outcome));
  ASSERT_EQ(answer.at("errors").size(), listed_errors_max);
  EXPECT_EQ(answer.at("errors").back().at("line"), listed_errors_max);
  EXPECT_EQ(answer.at("invalid"), 2'000);
}

} // namespace
} // namespace telemetry::net
