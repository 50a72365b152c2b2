#include "net/rest/rest_ingest.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace telemetry::net {
namespace {

std::string answer_to(const parsed_body& body, const ingest_outcome& outcome) {
  ingest_summary summary;
  summary.add(body, outcome);
  return summary.text();
}

TEST(RestIngestTest, MergesRefusalsOfReaderAndEngineByLine) {
  parsed_body body;
  body.lines = {2, 4, 5};
  body.errors = {{1, "first"}, {3, "third"}};
  body.invalid = 2;
  ingest_outcome outcome;
  outcome.accepted = 1;
  outcome.refused = 2;
  outcome.refusals = {{0, "second"}, {2, "fifth"}};
  EXPECT_EQ(answer_to(body, outcome),
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
  const auto answer = nlohmann::json::parse(answer_to(body, outcome));
  ASSERT_EQ(answer.at("errors").size(), listed_errors_max);
  EXPECT_EQ(answer.at("errors").back().at("line"), listed_errors_max);
  EXPECT_EQ(answer.at("invalid"), 2'000);
}

TEST(RestIngestTest, AddsUpParts) {
  ingest_summary summary;
  for (std::uint32_t part = 0; part < 3; ++part) {
    parsed_body body;
    ingest_outcome outcome;
    body.invalid = 60;
    for (std::uint32_t i = 0; i < 60; ++i)
      body.errors.push_back({100 * part + i, "reader"});
    body.lines = {100 * part + 60};
    outcome.refusals = {{0, "engine"}};
    outcome.refused = outcome.accepted = outcome.conflict = 1;
    outcome.duplicate = outcome.stale = 2;
    summary.add(body, outcome);
  }
  const auto answer = nlohmann::json::parse(summary.text());
  EXPECT_EQ(answer.at("accepted"), 3);
  EXPECT_EQ(answer.at("conflict"), 3);
  EXPECT_EQ(answer.at("duplicate"), 6);
  EXPECT_EQ(answer.at("stale"), 6);
  EXPECT_EQ(answer.at("invalid"), 183);
  ASSERT_EQ(answer.at("errors").size(), listed_errors_max);
  EXPECT_EQ(answer.at("errors").at(60).at("reason"), "engine");
  EXPECT_EQ(answer.at("errors").back().at("line"), 138) << "61 of the first part, 39 of the next";
}

} // namespace
} // namespace telemetry::net
