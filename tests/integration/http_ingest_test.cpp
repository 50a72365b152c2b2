#include "http_fixture.hpp"
#include "net/http_response_head.hpp"
#include "tests/support/gzip.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>

namespace telemetry::net {
namespace {

using nlohmann::json;

// POST /api/events (PROTOCOL.md §3).

class HttpIngestTest : public HttpTest {
protected:
  std::vector<std::string> robots() const {
    std::vector<std::string> names;
    for (const auto& one : api_.ingested)
      names.push_back(one.robot);
    return names;
  }
};

TEST_F(HttpIngestTest, TakesCsvAndCounts) {
  api_.outcome.accepted = 1;
  api_.outcome.conflict = 2;
  api_.outcome.duplicate = 3;
  api_.outcome.stale = 4;
  const auto answer =
      post("text/csv", "x,y,timestamp,robot_name\r\n1.5,-2,3,a\r\nbad\r\n4,5,6,\"b\"\"c\"");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.body, "{\"accepted\":1,\"conflict\":2,\"duplicate\":3,"
                         "\"errors\":[{\"line\":3,\"reason\":\"y is missing\"}],"
                         "\"invalid\":1,\"stale\":4}\n");
  EXPECT_THAT(robots(), testing::ElementsAre("a", "b\"c"));
  EXPECT_EQ(api_.ingested[0].at, (position{1.5, -2}));
  EXPECT_EQ(api_.ingested[0].timestamp, 3);
}

TEST_F(HttpIngestTest, TakesJsonArray) {
  const auto answer = post("application/json; charset=utf-8",
                           R"([{"robot":"a","x":1,"y":2.5,"timestamp":3,"more":[{}]}, )"
                           R"({"timestamp":4,"y":0,"x":-0.0,"robot":"b"}])");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(robots(), testing::ElementsAre("a", "b"));
}

TEST_F(HttpIngestTest, RefusesJsonAsAWhole) {
  const std::string good = R"({"robot":"a","x":1,"y":2,"timestamp":3})";
  for (const std::string& body :
       {good, "[" + good, "[" + good + ",]", "[" + good + ",7]", "[" + good + "] x",
        std::string("[{]"), std::string("null"), "[" + good + R"(,{"robot":"b","x":1,"y":2}])"}) {
    const auto answer = post("application/json", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
  }
  EXPECT_EQ(
      request("POST", "/api/events", "Content-Type: application/json\r\nContent-Length: 0\r\n")
          .status,
      400);
  EXPECT_THAT(api_.ingested, testing::IsEmpty());
}

TEST_F(HttpIngestTest, TakesNdjsonLineByLine) {
  const auto answer =
      post("application/x-ndjson", "{\"robot\":\"a\",\"x\":1,\"y\":2,\"timestamp\":3}\n"
                                   "nonsense\n"
                                   "{\"robot\":\"b\",\"x\":1,\"y\":2,\"timestamp\":3}");
  const json counts = json::parse(answer.body);
  EXPECT_EQ(counts.at("invalid"), 1);
  EXPECT_EQ(counts.at("errors").at(0).at("line"), 2);
  EXPECT_THAT(robots(), testing::ElementsAre("a", "b"));
}

TEST_F(HttpIngestTest, PutsTheEnginesRefusalsAtTheirLines) {
  api_.outcome.refused = 1;
  api_.outcome.refusals.push_back({1, "timestamp is too far ahead"});
  const auto answer = post("text/csv", "1,2,3,a\nbad\n\n1,2,9,b\nworse\n");
  const json counts = json::parse(answer.body);
  EXPECT_EQ(counts.at("invalid"), 4);
  std::vector<int> lines;
  for (const auto& error : counts.at("errors"))
    lines.push_back(error.at("line"));
  EXPECT_THAT(lines, testing::ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(counts.at("errors").at(2).at("reason"), "timestamp is too far ahead");
}

TEST_F(HttpIngestTest, AnswersBodyWithoutEventsWithoutAskingTheEngine) {
  api_.fault = failure{errc::unavailable, "must not be asked"};
  EXPECT_EQ(json::parse(post("application/json", "[]").body).at("accepted"), 0);
  EXPECT_EQ(json::parse(post("text/csv", "bad\n").body).at("invalid"), 1);
}

TEST_F(HttpIngestTest, AnswersOnceTheEngineDoes) {
  api_.hold = true;
  send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
       "Content-Length: 7\r\n\r\n1,2,3,a");
  wait_for([&] { return !api_.held.empty(); });
  settle();
  EXPECT_EQ(input_, "");
  api_.release();
  EXPECT_EQ(receive().status, 200);
}

TEST_F(HttpIngestTest, TellsWhyTheEngineTookNothing) {
  api_.fault = failure{errc::unavailable, "the store is away"};
  const auto answer = post("text/csv", "1,2,3,a");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.at("retry-after"), "1");
  EXPECT_EQ(json::parse(answer.body).at("detail"), "the store is away");
}

TEST_F(HttpIngestTest, RefusesOtherTypesBeforeTheBody) {
  for (const std::string headers : {"Content-Type: text/plain\r\n", "", "Content-Type: \r\n"}) {
    connect();
    send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n" + headers + "\r\n");
    const auto answer = receive();
    EXPECT_EQ(answer.status, 415) << headers;
    EXPECT_EQ(answer.headers.at("connection"), "close");
    EXPECT_THAT(answer.headers.at("accept-post"), testing::HasSubstr("text/csv"));
    expect_end();
  }
}

TEST_F(HttpIngestTest, RefusesBodyAnnouncedTooLarge) {
  options_.body_bytes_max = 100;
  connect();
  send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
       "Content-Length: 101\r\n\r\n");
  const auto answer = receive();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(json::parse(answer.body).at("instance"), "/api/events");
  expect_end();
}

TEST_F(HttpIngestTest, RefusesChunkedBodyOnceItIsTooLargeAndReadsOnWhileTheClientSends) {
  options_.body_bytes_max = 100'000;
  connect();
  send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
       "Transfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 100; ++i) // far more than socket buffers hold
    send(chunk);
  EXPECT_EQ(receive().status, 413);
  expect_end();
}

TEST_F(HttpIngestTest, TakesBodyOfTheLargestSizeInSteps) {
  std::string body;
  while (body.size() + 20 < options_.body_bytes_max)
    body += "1,2," + std::to_string(body.size()) + ",r\n";
  const std::string padding(options_.body_bytes_max - body.size() - 6, 'n');
  body += "1,2,3," + padding.substr(0, 150);
  EXPECT_EQ(post("text/csv", body).status, 200);
  EXPECT_GT(std::accumulate(api_.ingests.begin(), api_.ingests.end(), std::size_t{0}), 500'000u);
  EXPECT_EQ(*std::max_element(api_.ingests.begin(), api_.ingests.end()), 32'768u);
}

TEST_F(HttpIngestTest, RefusesBodyThatDoesNotFitItsMemory) {
  context_.memory = request_budget(4'000);
  std::vector<request_loan> others;
  for (int i = 0; i < 3; ++i) {
    others.emplace_back(context_.memory);
    ASSERT_TRUE(others.back().raise_to(1'000));
  }
  others.emplace_back(context_.memory);
  ASSERT_TRUE(others.back().raise_to(500));
  const std::string begun = "POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
                            "Content-Length: 1000\r\n\r\n" +
                            std::string(200, 'x');
  send(begun);
  EXPECT_EQ(receive().status, 503);
  expect_end();
  others.pop_back();
  connect();
  send(begun + std::string(800, 'x'));
  EXPECT_EQ(receive().status, 200);
}

TEST_F(HttpIngestTest, TakesChunkedBody) {
  send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
       "Transfer-Encoding: chunked\r\n\r\n4\r\n1,2,\r\n4\r\n3,ab\r\n0\r\n\r\n");
  EXPECT_EQ(receive().status, 200);
  EXPECT_THAT(robots(), testing::ElementsAre("ab"));
}

TEST_F(HttpIngestTest, InflatesABodyHoweverItIsFramed) {
  const std::string body = test::packed("1,2,3,a\n1,2,4,b\n");
  const auto with_length = post("text/csv\r\nContent-Encoding: gzip", body);
  EXPECT_EQ(with_length.status, 200) << with_length.body;
  EXPECT_THAT(robots(), testing::ElementsAre("a", "b"));
  std::string chunked = "POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
                        "Content-Encoding: x-gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
  append_chunk(chunked, std::string_view(body).substr(0, 5));
  append_chunk(chunked, std::string_view(body).substr(5));
  api_.ingested.clear();
  send(chunked + "0\r\n\r\n");
  EXPECT_EQ(receive().status, 200);
  EXPECT_THAT(robots(), testing::ElementsAre("a", "b"));
}

TEST_F(HttpIngestTest, RefusesABodyThatIsNoWholeGzip) {
  const std::string body = test::packed("1,2,3,a\n");
  for (const std::string& wrong :
       {body.substr(0, body.size() - 1), body + "x", std::string("1,2,3,a")}) {
    const auto answer = post("text/csv\r\nContent-Encoding: gzip", wrong);
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body, testing::HasSubstr("is no gzip"));
  }
  EXPECT_THAT(api_.ingested, testing::IsEmpty());
  const auto answer = post("text/csv\r\nContent-Encoding: br", body);
  EXPECT_EQ(answer.status, 415);
  EXPECT_EQ(answer.headers.at("accept-encoding"), "gzip");
  EXPECT_EQ(post("text/csv\r\nContent-Encoding:\r\nContent-Encoding: br", body).status, 415)
      << "the lines are one list";
}

TEST_F(HttpIngestTest, BoundsABodyAfterItIsInflated) {
  options_.body_bytes_max = 200'000;
  connect();
  std::string lines;
  while (lines.size() < options_.body_bytes_max)
    lines += "1,2,3,aaaaaaaa\n";
  EXPECT_EQ(post("text/csv\r\nContent-Encoding: gzip", test::packed(lines)).status, 413);
  EXPECT_THAT(api_.ingested, testing::IsEmpty());
  EXPECT_EQ(get("/livez").status, 200) << "the connection goes on";
  lines.resize(options_.body_bytes_max);
  EXPECT_EQ(post("text/csv\r\nContent-Encoding: gzip", test::packed(lines)).status, 200);
}

TEST_F(HttpIngestTest, CountsAnInflatedBodyInItsMemory) {
  context_.memory = request_budget(400'000);
  std::vector<request_loan> others;
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(others.emplace_back(context_.memory).raise_to(100'000));
  ASSERT_TRUE(others.emplace_back(context_.memory).raise_to(90'000));
  const std::string body = test::packed(std::string(20'000, 'x'));
  EXPECT_EQ(post("text/csv\r\nContent-Encoding: gzip", body).status, 503);
  others.pop_back();
  EXPECT_EQ(post("text/csv\r\nContent-Encoding: gzip", body).status, 200);
}

TEST_F(HttpIngestTest, InvitesBodyThatWaitsForIt) {
  send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
       "Content-Length: 7\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(receive().status, 100);
  send("1,2,3,a");
  EXPECT_EQ(receive().status, 200);
}

TEST_F(HttpIngestTest, DoesNotInviteBodyThatItRefuses) {
  send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
       "Content-Length: 7\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(receive().status, 415);
  expect_end();
}

TEST_F(HttpIngestTest, SurvivesClientThatLeavesWhileItsEventsAreStored) {
  api_.hold = true;
  send("POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
       "Content-Length: 7\r\n\r\n1,2,3,a");
  wait_for([&] { return !api_.held.empty(); });
  sessions_.cut_all();
  wait_for([&] { return sessions_.count() == 0; });
  api_.release();
  EXPECT_EQ(api_.ingested.size(), 1u);
}

} // namespace
} // namespace telemetry::net
