#include "http_fixture.hpp"
#include "tests/support/gzip.hpp"

#include <nlohmann/json.hpp>

#include <tuple>

namespace telemetry::net {
namespace {

using nlohmann::json;

// Every row of PROTOCOL.md §4, over a real socket and an engine of maps.

void expect_problem(const http_response& answer, int status, const std::string& instance) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
  const json problem = json::parse(answer.body);
  EXPECT_EQ(problem.dump() + "\n", answer.body) << "compact, keys sorted, one newline";
  EXPECT_EQ(problem.size(), 5u);
  EXPECT_FALSE(problem.at("detail").get<std::string>().empty());
  EXPECT_EQ(problem.at("instance"), instance);
  EXPECT_EQ(problem.at("status"), status);
  EXPECT_FALSE(problem.at("title").get<std::string>().empty());
  EXPECT_EQ(problem.at("type"), "about:blank");
}

class HttpRestTest : public HttpTest {
protected:
  void SetUp() override {
    HttpTest::SetUp();
    api_.add_robot("R2D2", 5);
  }

  /// Timestamps of the events that a target answers with.
  std::vector<int> timestamps(const std::string& target) {
    std::vector<int> found;
    for (const auto& event : json::parse(get(target).body))
      found.push_back(event.at("timestamp"));
    return found;
  }
};

TEST_F(HttpRestTest, AnswersRobotObjectWithKeysInOrder) {
  const auto answer = get("/api/robots/R2D2");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(answer.body, "{\"created_time\":\"2026-01-31T12:00:00.123+00:00\",\"events\":5,"
                         "\"last_timestamp\":4,\"last_x\":4.0,\"last_y\":0.5,\"name\":\"R2D2\","
                         "\"odometer\":4.0,\"removed_time\":0,"
                         "\"updated_time\":\"2026-01-31T12:00:01.000+00:00\"}\n");
}

TEST_F(HttpRestTest, HasNoUpdatedTimeWhileThereIsOneEvent) {
  api_.add_robot("new", 1);
  EXPECT_TRUE(json::parse(get("/api/robots/new").body).at("updated_time").is_null());
}

TEST_F(HttpRestTest, KnowsNothingOfUnknownRobots) {
  expect_problem(get("/api/robots/nobody"), 404, "/api/robots/nobody");
  EXPECT_EQ(get("/api/robots/nobody/events").body, "[]\n");
  EXPECT_EQ(get("/api/robots/nobody/odometer").body, "{\"odometer\":0.0,\"robot\":\"nobody\"}\n");
}

TEST_F(HttpRestTest, TreatsIllegalNamesAsUnknownAndRefusesBytesThatAreNoText) {
  expect_problem(get("/api/robots/a,b"), 404, "/api/robots/a,b");
  EXPECT_EQ(get("/api/robots/a%2Cb/events").body, "[]\n");
  EXPECT_EQ(get("/api/robots/%00/odometer").body, "{\"odometer\":0.0,\"robot\":\"\\u0000\"}\n");
  for (const std::string path : {"", "/events", "/odometer"})
    expect_problem(get("/api/robots/%ff" + path), 400, "/api/robots/%ff" + path);
}

TEST_F(HttpRestTest, DecodesNamesOnce) {
  for (const std::string name :
       {"a/b", "a%2Fb", "a+b", "ü 🤖", "with \"quotes\" and \\", ".", ".."})
    api_.add_robot(name, 1);
  EXPECT_EQ(json::parse(get("/api/robots/a%2Fb").body).at("name"), "a/b");
  EXPECT_EQ(json::parse(get("/api/robots/a%252Fb").body).at("name"), "a%2Fb");
  EXPECT_EQ(json::parse(get("/api/robots/a+b").body).at("name"), "a+b");
  EXPECT_EQ(json::parse(get("/api/robots/%2E").body).at("name"), ".");
  EXPECT_EQ(json::parse(get("/api/robots/%2e.").body).at("name"), "..");
  EXPECT_EQ(json::parse(get("/api/robots/%C3%BC%20%F0%9F%A4%96").body).at("name"), "ü 🤖");
  EXPECT_EQ(get("/api/robots/with%20%22quotes%22%20and%20%5C/odometer").body,
            "{\"odometer\":0.0,\"robot\":\"with \\\"quotes\\\" and \\\\\"}\n");
}

TEST_F(HttpRestTest, AnswersOdometerOfRange) {
  EXPECT_EQ(get("/api/robots/R2D2/odometer").body, "{\"odometer\":4.0,\"robot\":\"R2D2\"}\n");
  EXPECT_EQ(get("/api/robots/R2D2/odometer?start_time=3&end_time=1").body,
            "{\"odometer\":2.0,\"robot\":\"R2D2\"}\n");
  EXPECT_EQ(get("/api/robots/R2D2/odometer?start_time=9").body,
            "{\"odometer\":0.0,\"robot\":\"R2D2\"}\n");
}

TEST_F(HttpRestTest, AnswersEventsInRange) {
  EXPECT_EQ(get("/api/robots/R2D2/events?start_time=3").body,
            "[{\"robot\":\"R2D2\",\"timestamp\":3,\"x\":3.0,\"y\":0.5},"
            "{\"robot\":\"R2D2\",\"timestamp\":4,\"x\":4.0,\"y\":0.5}]\n");
  const std::string events = "/api/robots/R2D2/events";
  EXPECT_THAT(timestamps(events + "?start_time=3&end_time=1"), testing::ElementsAre(1, 2, 3));
  EXPECT_THAT(timestamps(events + "?after=2"), testing::ElementsAre(3, 4));
  EXPECT_THAT(timestamps(events + "?end_time=" + std::string(40, '9')), testing::SizeIs(5));
  EXPECT_THAT(timestamps(events + "?start_time=9007199254740992"), testing::IsEmpty());
  EXPECT_THAT(timestamps(events + "?after=9007199254740991"), testing::IsEmpty());
}

TEST_F(HttpRestTest, WritesEventsInEveryFormat) {
  const std::string range = "/api/robots/R2D2/events?start_time=3&format=";
  const auto csv = get(range + "csv");
  EXPECT_EQ(csv.body, "x,y,timestamp,robot_name\r\n3.0,0.5,3,R2D2\r\n4.0,0.5,4,R2D2\r\n");
  EXPECT_THAT(csv.headers.at("content-type"), testing::StartsWith("text/csv"));
  const auto ndjson = get(range + "ndjson");
  EXPECT_EQ(ndjson.body, "{\"robot\":\"R2D2\",\"timestamp\":3,\"x\":3.0,\"y\":0.5}\n"
                         "{\"robot\":\"R2D2\",\"timestamp\":4,\"x\":4.0,\"y\":0.5}\n");
  EXPECT_EQ(ndjson.headers.at("content-type"), "application/x-ndjson");
  const auto geojson = get(range + "geojson");
  EXPECT_EQ(geojson.body, "{\"geometry\":{\"coordinates\":[[3.0,0.5],[4.0,0.5]],"
                          "\"type\":\"LineString\"},\"properties\":{\"robot\":\"R2D2\"},"
                          "\"type\":\"Feature\"}\n");
  EXPECT_EQ(geojson.headers.at("content-type"), "application/geo+json");
  EXPECT_EQ(get(range + "json").headers.at("content-type"), "application/json");
}

TEST_F(HttpRestTest, NegotiatesFormatByAcceptUnlessOneIsNamed) {
  const std::string events = "/api/robots/R2D2/events";
  const auto type = [&](const std::string& query, const std::string& accept) {
    const auto answer = get(events + query, "Accept: " + accept + "\r\n");
    return answer.headers.at("content-type");
  };
  EXPECT_EQ(type("", "application/x-ndjson"), "application/x-ndjson");
  EXPECT_EQ(type("", "application/json;q=0.1, application/geo+json;q=0.2"), "application/geo+json");
  EXPECT_EQ(type("", "image/png"), "application/json");
  EXPECT_EQ(type("?format=ndjson", "application/json"), "application/x-ndjson");
  EXPECT_EQ(type("", "image/png\r\nAccept: text/csv;q=0.5\r\nAccept: application/x-ndjson"),
            "application/x-ndjson")
      << "the lines are one list";
}

TEST_F(HttpRestTest, ListsRobotsByName) {
  api_.add_robot("C3PO", 1);
  const auto answer = get("/api/robots");
  const json robots = json::parse(answer.body);
  ASSERT_EQ(robots.size(), 2u);
  EXPECT_EQ(robots[0].at("name"), "C3PO");
  EXPECT_EQ(robots[1].dump() + "\n", get("/api/robots/R2D2").body);
  EXPECT_EQ(answer.headers.count("link"), 0u);
  EXPECT_EQ(answer.headers.at("content-length"), std::to_string(answer.body.size()));
}

TEST_F(HttpRestTest, ListsNoRobotsAsEmptyArray) {
  api_.states.clear();
  EXPECT_EQ(get("/api/robots").body, "[]\n");
}

TEST_F(HttpRestTest, PagesRobotsThroughLinks) {
  api_.add_robot("a b/c", 1);
  api_.add_robot("é", 1);
  const auto first = get("/api/robots?limit=2");
  EXPECT_EQ(json::parse(first.body).size(), 2u);
  EXPECT_EQ(first.headers.at("link"), "<?limit=2&after=a%20b%2Fc>; rel=\"next\"");
  EXPECT_EQ(api_.limit_asked, 3u);
  const auto last = get("/api/robots?limit=2&after=a%20b%2Fc");
  EXPECT_EQ(json::parse(last.body).at(0).at("name"), "é");
  EXPECT_EQ(last.headers.count("link"), 0u);
  EXPECT_EQ(get("/api/robots?limit=3").headers.count("link"), 0u) << "nothing more: no link";
  EXPECT_EQ(json::parse(get("/api/robots?limit=1&after=").body).at(0).at("name"), "R2D2");
}

TEST_F(HttpRestTest, PagesEventsThroughLinksThatKeepTheQuery) {
  const auto first = get("/api/robots/R2D2/events?start_time=1&limit=2&format=csv");
  EXPECT_EQ(first.headers.at("link"), "<?start_time=1&limit=2&format=csv"
                                      "&after=2>; rel=\"next\"");
  EXPECT_EQ(first.body, "x,y,timestamp,robot_name\r\n1.0,0.5,1,R2D2\r\n2.0,0.5,2,R2D2\r\n");
  const auto last = get("/api/robots/R2D2/events?start_time=1&limit=2&format=csv&after=2");
  EXPECT_EQ(last.headers.count("link"), 0u);
  EXPECT_EQ(last.body, "x,y,timestamp,robot_name\r\n3.0,0.5,3,R2D2\r\n4.0,0.5,4,R2D2\r\n");
}

TEST_F(HttpRestTest, AnswersOperations) {
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
  const json version = json::parse(get("/version").body);
  EXPECT_EQ(version.at("name"), "telemetryd");
  EXPECT_EQ(version.at("version"), "1.2.3");
  api_.warning = "stored rows are \"damaged\"";
  const auto troubled = get("/readyz");
  EXPECT_EQ(troubled.status, 200);
  EXPECT_EQ(troubled.body,
            "{\"detail\":\"stored rows are \\\"damaged\\\"\",\"status\":\"ready\"}\n");
  api_.reason = "replaying the journal";
  const auto unready = get("/readyz");
  expect_problem(unready, 503, "/readyz");
  EXPECT_EQ(json::parse(unready.body).at("detail"), "replaying the journal");
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(HttpRestTest, TellsWhatTheEngineFailedBy) {
  const std::vector<std::string> paths{"/api/robots", "/api/robots/R2D2", "/api/robots/R2D2/events",
                                       "/api/robots/R2D2/odometer",
                                       "/api/robots/R2D2/events?limit=2"};
  const std::vector<std::pair<errc, int>> faults{
      {errc::unavailable, 503}, {errc::shutting_down, 503}, {errc::no_space, 503},
      {errc::timeout, 504},     {errc::corrupt, 500},
  };
  for (const auto& [code, status] : faults) {
    api_.fault = failure{code, "a reason"};
    for (const auto& path : paths) {
      const auto answer = get(path);
      expect_problem(answer, status, path.substr(0, path.find('?')));
      EXPECT_EQ(json::parse(answer.body).at("detail"), "a reason");
      EXPECT_EQ(answer.headers.count("retry-after"), status == 503 ? 1u : 0u);
    }
  }
}

TEST_F(HttpRestTest, AsksForUpgradeAtUpstream) {
  const auto answer = get("/upstream");
  expect_problem(answer, 426, "/upstream");
  EXPECT_EQ(answer.headers.at("upgrade"), "websocket");
  const std::string handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  const auto old = get("/upstream", handshake + "Sec-WebSocket-Version: 8\r\n");
  expect_problem(old, 426, "/upstream");
  EXPECT_EQ(old.headers.at("sec-websocket-version"), "13");
  expect_problem(get("/upstream", handshake + "Sec-WebSocket-Version: 13\r\n"), 400, "/upstream");
}

TEST_F(HttpRestTest, HandsHandshakesOver) {
  send("GET /upstream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  wait_for([&] { return upstreams_.asked == 1; });
  wait_for([&] { return input_.find("\r\n\r\n") != std::string::npos; });
  EXPECT_THAT(input_, testing::StartsWith("HTTP/1.1 101 "));
}

TEST_F(HttpRestTest, RefusesHandshakesWithoutOneKeyOf16Bytes) {
  const std::string handshake =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
  const std::string name = "Sec-WebSocket-Key: ";
  const std::string good = name + "dGhlIHNhbXBsZSBub25jZQ==\r\n";
  for (const std::string& key : {
           good + good, good + name + "AAAAAAAAAAAAAAAAAAAAAA==\r\n", name + "\r\n" + good,
           name + "dGhlIHNhbXBsZSBub25jZQ=\r\n",   // too short
           name + "dGhlIHNhbXBsZSBub25jZTE=\r\n",  // 17 bytes
           name + "dGhlIHNhbXBsZSBub25jZTEy\r\n",  // 18 bytes
           name + "dGhlIHNhbXBsZSBub25j!Q==\r\n",  // '!' is not base64
           name + "dGhlIHNhbXBsZSBub25-_Q==\r\n",  // base64url
           name + "dGhlIHNhbXBsZ=Bub25jZQ==\r\n",  // padding inside
           name + "dGhlIHNhbXBsZSBub25jZQ== x\r\n" // more behind
       })
    expect_problem(get("/upstream", handshake + key), 400, "/upstream");
  EXPECT_EQ(upstreams_.asked, 0);
}

TEST_F(HttpRestTest, RefusesHandshakesToSeveralVersions) {
  const std::string handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  for (const std::string versions : {"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n",
                                     "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Version: 13\r\n",
                                     "Sec-WebSocket-Version: 13, 8\r\n"}) {
    const auto answer = get("/upstream", handshake + versions);
    expect_problem(answer, 426, "/upstream");
    EXPECT_EQ(answer.headers.at("sec-websocket-version"), "13");
  }
}

class HttpHandshakeTest : public HttpRestTest, public testing::WithParamInterface<std::string> {};

TEST_P(HttpHandshakeTest, IsAcceptedHoweverItsListsAreWritten) {
  send("GET /upstream HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Version: 13\r\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
       GetParam() + "\r\n");
  wait_for([&] { return input_.find("\r\n\r\n") != std::string::npos; });
  EXPECT_THAT(input_, testing::StartsWith("HTTP/1.1 101 "));
}

INSTANTIATE_TEST_SUITE_P(
    Lists, HttpHandshakeTest,
    testing::Values("Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
                    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
                    "Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: WebSocket\r\n",
                    "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n",
                    "Connection:\r\nConnection: , upgrade\r\nUpgrade: HTTP/2.0, websocket\r\n"));

class HttpBadRequestTest : public HttpRestTest,
                           public testing::WithParamInterface<std::tuple<std::string, int>> {};

TEST_P(HttpBadRequestTest, IsAProblem) {
  const auto& [target, status] = GetParam();
  expect_problem(get(target), status, target.substr(0, target.find('?')));
  EXPECT_EQ(get("/livez").status, 200) << "the connection goes on";
}

INSTANTIATE_TEST_SUITE_P(
    Paths, HttpBadRequestTest,
    testing::Combine(testing::Values("/", "/nowhere", "/api", "/api/", "/api/robots/",
                                     "/api/robots//events", "/api/robots/R2D2/", "/API/robots",
                                     "/api/robots/a/b", "/api/robots/a/events/x", "/api/events/",
                                     "/metrics", "/api/openapi.json"),
                     testing::Values(404)));
INSTANTIATE_TEST_SUITE_P(
    Queries, HttpBadRequestTest,
    testing::Combine(
        testing::Values("/api/robots/%zz", "/api/robots/%", "/api/robots/R2D2/events?x=%f",
                        "/api/robots/R2D2/events?start_time=", "/api/robots/R2D2/events?start_time",
                        "/api/robots/R2D2/events?start_time=1.5",
                        "/api/robots/R2D2/events?end_time=-1",
                        "/api/robots/R2D2/odometer?end_time=x",
                        "/api/robots/R2D2/odometer?start_time=1e3",
                        "/api/robots/R2D2/odometer?start_time=%201",
                        "/api/robots/R2D2/odometer?start_time=1&start_time=1",
                        "/api/robots/R2D2/events?limit=0", "/api/robots/R2D2/events?limit=100001",
                        "/api/robots/./odometer", "/api/robots/..", "/api/robots/.", "/../livez",
                        "/api/robots?limit=x", "/api/robots?limit=1&limit=1",
                        "/api/robots?after=a&after=b", "/api/robots/R2D2/events?after=x",
                        "/api/robots/R2D2/events?format=xml", "/api/robots/R2D2/events?format="),
        testing::Values(400)));

TEST_F(HttpRestTest, IgnoresUnknownParameters) {
  EXPECT_EQ(get("/api/robots/R2D2/odometer?shoe=1&shoe=2&&limit=x").status, 200);
}

class HttpMethodTest : public HttpRestTest, public testing::WithParamInterface<std::string> {};

TEST_P(HttpMethodTest, AnswersHeadWithTheHeadersOfGet) {
  const auto got = get(GetParam());
  auto head = request("HEAD", GetParam());
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  head.headers.at("date") = got.headers.at("date");
  EXPECT_EQ(head.headers, got.headers);
  EXPECT_EQ(get("/livez").body, "{\"status\":\"live\"}\n") << "the connection goes on";
}

TEST_P(HttpMethodTest, NamesItsMethods) {
  const auto options = request("OPTIONS", GetParam());
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(options.headers.count("content-length"), 0u);
  for (const std::string method : {"POST", "PUT", "DELETE", "BREW"}) {
    const auto refused = request(method, GetParam(), "Content-Length: 0\r\n");
    expect_problem(refused, 405, GetParam().substr(0, GetParam().find('?')));
    EXPECT_EQ(refused.headers.at("allow"), "GET, HEAD, OPTIONS");
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, HttpMethodTest,
                         testing::Values("/api/robots", "/api/robots/R2D2",
                                         "/api/robots/R2D2/events",
                                         "/api/robots/R2D2/events?format=csv&limit=1",
                                         "/api/robots/R2D2/odometer", "/api/odometer?robot=R2D2",
                                         "/api/robots?name=R2D2", "/livez", "/readyz", "/version"));

TEST_F(HttpRestTest, ReadsAndTakesEventsAtOneAddress) {
  EXPECT_EQ(request("OPTIONS", "/api/events").headers.at("allow"), "GET, HEAD, OPTIONS, POST");
  for (const std::string method : {"PUT", "DELETE"}) {
    const auto refused = request(method, "/api/events", "Content-Length: 0\r\n");
    expect_problem(refused, 405, "/api/events");
    EXPECT_EQ(refused.headers.at("allow"), "GET, HEAD, OPTIONS, POST");
  }
}

TEST_F(HttpRestTest, AnswersOptionsOfAnyPathForProbes) {
  EXPECT_EQ(request("OPTIONS", "*").headers.at("allow"), "GET, HEAD, OPTIONS, POST");
  for (const std::string path : {"/", "/nowhere", "/api/robots/", "/api/robots//events"}) {
    const auto answer = request("OPTIONS", path);
    EXPECT_EQ(answer.status, 204) << path;
    EXPECT_EQ(answer.headers.at("allow"), "OPTIONS") << path;
  }
  EXPECT_EQ(request("OPTIONS", "/%zz").status, 400);
  send("OPTIONS / HTTP/1.0\r\n\r\n"); // HAProxy's httpchk, which sends no Host
  EXPECT_EQ(receive().status, 204);
}

TEST_F(HttpRestTest, CompressesAnswersOfAnyLength) {
  api_.piece_rows = 1'000;
  for (const std::size_t events : {100u, 50'000u}) {
    api_.add_robot("long", events);
    const std::string target = "/api/robots/long/events";
    const auto plain = get(target);
    const auto packed = get(target, "Accept-Encoding: br\r\nAccept-Encoding: gzip;q=0.5\r\n");
    EXPECT_EQ(plain.headers.count("content-encoding"), 0u);
    EXPECT_EQ(plain.headers.at("vary"), "Accept, Accept-Encoding");
    EXPECT_EQ(packed.headers.at("vary"), "Accept, Accept-Encoding");
    EXPECT_EQ(packed.headers.at("content-encoding"), "gzip");
    EXPECT_LT(packed.body.size(), plain.body.size() / 2);
    EXPECT_EQ(test::unpacked(packed.body), plain.body);
    const auto head = request("HEAD", target, "Accept-Encoding: gzip\r\n");
    EXPECT_EQ(head.headers.at("content-encoding"), "gzip");
    EXPECT_EQ(head.headers.count("content-length"), packed.headers.count("content-length"));
    if (packed.headers.count("content-length") != 0) {
      EXPECT_EQ(head.headers.at("content-length"), std::to_string(packed.body.size()));
    }
  }
  EXPECT_EQ(get("/api/robots/R2D2", "Accept-Encoding: gzip\r\n").headers.count("content-encoding"),
            0u)
      << "it is short";
}

TEST_F(HttpRestTest, TellsServerAndDateAndForbidsCaching) {
  const auto answer = get("/livez");
  EXPECT_EQ(answer.headers.at("server"), "telemetryd/1.2.3");
  EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
  EXPECT_THAT(answer.headers.at("date"), testing::MatchesRegex("..., .. ... .... ..:..:.. GMT"));
}

} // namespace
} // namespace telemetry::net
