#include "http_fixture.hpp"
#include "net/http_response_head.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace telemetry::net {
namespace {

using nlohmann::json;

// Framing, keep-alive, malformed HTTP, time-outs, slow readers and shutdown.

class HttpSessionTest : public HttpTest {};

/// Events in a whole JSON array of them.
std::ptrdiff_t count_events(const std::string& body) {
  EXPECT_THAT(body, testing::StartsWith("[{"));
  EXPECT_THAT(body, testing::EndsWith("}]\n"));
  return std::count(body.begin(), body.end(), '{');
}

const std::string post_head = "POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n";

TEST_F(HttpSessionTest, AnswersPipelinedRequestsInOrder) {
  api_.add_robot("a", 2);
  std::string requests;
  for (int i = 0; i < 50; ++i)
    requests += "GET /api/robots/a/odometer?n=" + std::to_string(i) +
                " HTTP/1.1\r\nHost: x\r\n\r\n"
                "GET /nowhere/" +
                std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  send(requests);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(receive().body, "{\"odometer\":1.0,\"robot\":\"a\"}\n");
    EXPECT_EQ(json::parse(receive().body).at("instance"), "/nowhere/" + std::to_string(i));
  }
}

TEST_F(HttpSessionTest, IgnoresEmptyLinesBeforeARequest) {
  for (const std::string lines : {"\r\n", "\r\n\r\n\r\n"}) {
    send(lines + "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(receive().status, 200);
    send(post_head + "Content-Length: 7\r\n\r\n1,2,3,a" + lines);
    EXPECT_EQ(receive().status, 200);
    send(post_head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + lines + post_head +
         "Content-Length: 7\r\n\r\n1,2,3,a");
    EXPECT_EQ(receive().status, 200);
    EXPECT_EQ(receive().status, 200);
  }
}

TEST_F(HttpSessionTest, IgnoresEmptyLinesHoweverTheyArrive) {
  for (const std::string part :
       {"\r", "\n", "\r\n\r", "\nG", "ET /livez HTTP/1.1\r\nHost: x\r\n\r", "\n\r"}) {
    send(part);
    settle();
  }
  EXPECT_EQ(receive().status, 200);
  send("\n");
  settle();
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(HttpSessionTest, TakesEmptyLinesForNoRequest) {
  send("\r\n\r\n");
  pass_idle_timeout();
  expect_end(); // without 408
  connect();
  send("\r\n");
  settle();
  sessions_.drain_all();
  expect_end(); // without 503
}

TEST_F(HttpSessionTest, ClosesAfterTheAnswerIfAskedTo) {
  EXPECT_EQ(get("/livez", "Connection: close\r\n").headers.at("connection"), "close");
  expect_end();
}

TEST_F(HttpSessionTest, ReadsLinesOfConnectionAsOneList) {
  for (const std::string lines : {"Connection: keep-alive\r\nConnection: close\r\n",
                                  "Connection: close\r\nConnection: keep-alive\r\n",
                                  "Connection:\r\nConnection: x, Close\r\n"}) {
    connect();
    EXPECT_EQ(get("/livez", lines).headers.at("connection"), "close") << lines;
    expect_end();
  }
  connect();
  send("GET /livez HTTP/1.0\r\nConnection: x\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(receive().headers.at("connection"), "keep-alive");
  send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(receive().headers.at("connection"), "close");
  expect_end();
}

TEST_F(HttpSessionTest, SpeaksHttp10) {
  send("GET /livez HTTP/1.0\r\n\r\n");
  const auto answer = receive();
  EXPECT_EQ(answer.version, "HTTP/1.0");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  expect_end();
  connect();
  send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(receive().headers.at("connection"), "keep-alive");
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(HttpSessionTest, EndsLongHttp10AnswerWithTheConnection) {
  api_.add_robot("long", 10'000);
  api_.piece_rows = 1'000;
  send("GET /api/robots/long/events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto answer = receive();
  EXPECT_EQ(answer.headers.count("content-length") + answer.headers.count("transfer-encoding"), 0u);
  EXPECT_EQ(count_events(answer.body), 10'000);
  EXPECT_TRUE(ended());
}

TEST_F(HttpSessionTest, StreamsLongAnswerInChunks) {
  api_.add_robot("long", 10'000);
  api_.piece_rows = 100;
  const auto answer = get("/api/robots/long/events");
  EXPECT_GT(answer.chunks, 5u);
  EXPECT_EQ(count_events(answer.body), 10'000);
  const auto head = request("HEAD", "/api/robots/long/events");
  EXPECT_EQ(head.headers.at("transfer-encoding"), "chunked");
  EXPECT_EQ(get("/livez").status, 200) << "the connection goes on";
}

TEST_F(HttpSessionTest, StreamsLargestPageWithItsLink) {
  api_.add_robot("long", 100'002);
  api_.piece_rows = 7;
  const auto answer = get("/api/robots/long/events?limit=100000&format=ndjson");
  EXPECT_EQ(std::count(answer.body.begin(), answer.body.end(), '\n'), 100'000);
  EXPECT_THAT(answer.headers.at("link"), testing::HasSubstr("after=99999>"));
}

TEST_F(HttpSessionTest, PullsOnlyWhatTheReaderTook) {
  api_.add_robot("long", 400'000);
  api_.piece_rows = 1'000;
  block_after(1u << 20);
  send("GET /api/robots/long/events HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::size_t pulled = api_.pulls;
  EXPECT_LT(pulled, 100u) << "a megabyte, not all of it";
  settle();
  EXPECT_EQ(api_.pulls, pulled) << "nothing is read for a reader that does not read";
  unblock();
  EXPECT_EQ(count_events(receive().body), 400'000);
}

TEST_F(HttpSessionTest, CutsReaderThatStandsStill) {
  api_.add_robot("long", 400'000);
  api_.piece_rows = 1'000;
  block_after(1u << 20);
  send("GET /api/robots/long/events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(api_.open_streams, 1u);
  pass_idle_timeout();
  EXPECT_EQ(sessions_.count(), 0u);
  EXPECT_EQ(api_.open_streams, 0u);
  EXPECT_TRUE(peer().was_reset);
}

TEST_F(HttpSessionTest, CutsAnswerShortWhenItsStreamFails) {
  api_.add_robot("long", 10'000);
  api_.piece_rows = 1'000;
  api_.fault_at_pull = 5;
  send("GET /api/robots/long/events HTTP/1.1\r\nHost: x\r\n\r\n");
  wait_for([&] { return ended(); });
  EXPECT_THAT(input_, testing::StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(input_, testing::Not(testing::EndsWith("0\r\n\r\n")));
  EXPECT_TRUE(peer().was_reset);
}

/// The heads of requests for a long answer, by the framing of the answer.
class HttpCutAnswerTest : public HttpTest, public testing::WithParamInterface<std::string> {
protected:
  void ask_for_long_answer() {
    api_.add_robot("long", 400'000);
    api_.piece_rows = 1'000;
    send("GET /api/robots/long/events HTTP/1." + GetParam() + "\r\n\r\n");
  }

  /// The client can tell that the answer is not whole, however it is framed.
  void expect_reset() {
    wait_for([&] { return ended(); });
    EXPECT_TRUE(peer().was_reset);
    EXPECT_THAT(input_, testing::StartsWith("HTTP/1." + GetParam().substr(0, 1) + " 200 OK"));
    EXPECT_THAT(input_, testing::Not(testing::EndsWith(last_chunk)));
  }
};

TEST_P(HttpCutAnswerTest, IsResetWhenItsStreamFails) {
  api_.fault_at_pull = 5;
  ask_for_long_answer();
  expect_reset();
}

TEST_P(HttpCutAnswerTest, IsResetWhenTheServerStops) {
  api_.hold = true;
  ask_for_long_answer();
  wait_for([&] { return !api_.held.empty(); });
  api_.release();
  wait_for([&] { return !input_.empty(); });
  settle();
  sessions_.drain_all();
  sessions_.cut_all();
  expect_reset();
}

TEST_P(HttpCutAnswerTest, IsResetWhenItsReaderStandsStill) {
  block_after(1u << 20);
  ask_for_long_answer();
  pass_idle_timeout();
  EXPECT_EQ(sessions_.count(), 0u);
  expect_reset();
}

TEST_P(HttpCutAnswerTest, EndsInOrderWhenItIsWhole) {
  api_.add_robot("long", 20'000);
  api_.piece_rows = 1'000;
  send("GET /api/robots/long/events HTTP/1." + GetParam() + "\r\n\r\n");
  EXPECT_EQ(count_events(receive().body), 20'000);
  wait_for([&] { return ended(); });
  EXPECT_FALSE(peer().was_reset);
}

INSTANTIATE_TEST_SUITE_P(Framings, HttpCutAnswerTest,
                         testing::Values("0", "0\r\nConnection: keep-alive",
                                         "1\r\nHost: x\r\nConnection: close"));

TEST_F(HttpSessionTest, ResetsACompressedAnswerThatIsCut) {
  for (const std::string version : {"0", "1\r\nHost: x"}) {
    connect();
    api_.add_robot("long", 400'000);
    api_.piece_rows = 1'000;
    api_.pulls = 0;
    api_.fault_at_pull = 50;
    send("GET /api/robots/long/events HTTP/1." + version + "\r\nAccept-Encoding: gzip\r\n\r\n");
    wait_for([&] { return ended(); });
    EXPECT_TRUE(peer().was_reset);
    EXPECT_THAT(input_, testing::HasSubstr("Content-Encoding: gzip\r\n"));
    EXPECT_THAT(input_, testing::Not(testing::EndsWith(last_chunk)));
  }
}

TEST_F(HttpSessionTest, SurvivesClientThatLeavesInMidStream) {
  api_.add_robot("long", 400'000);
  api_.piece_rows = 1'000;
  api_.hold = true;
  send("GET /api/robots/long/events HTTP/1.1\r\nHost: x\r\n\r\n");
  wait_for([&] { return !api_.held.empty(); });
  leave();
  api_.release();
  settle();
  EXPECT_EQ(sessions_.count(), 0u);
}

TEST_F(HttpSessionTest, DropsAnswersThatComeAfterItsEnd) {
  api_.add_robot("a", 5);
  for (const std::string path : {"", "/odometer", "/events", "/events?limit=2"}) {
    connect();
    api_.hold = true;
    send("GET /api/robots/a" + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for([&] { return !api_.held.empty(); });
    sessions_.cut_all();
    wait_for([&] { return sessions_.count() == 0; });
    settle();
    EXPECT_EQ(api_.open_streams, 0u);
    api_.release();
  }
}

TEST_F(HttpSessionTest, ClosesSilentConnection) {
  tick(59);
  EXPECT_FALSE(ended());
  pass_idle_timeout();
  expect_end();
}

TEST_F(HttpSessionTest, ClosesConnectionThatIsSilentAfterAnAnswer) {
  tick(59);
  EXPECT_EQ(get("/livez").status, 200);
  tick(59);
  EXPECT_FALSE(ended());
  pass_idle_timeout();
  expect_end();
}

TEST_F(HttpSessionTest, WaitsForTheEngineLongerThanForPeers) {
  api_.hold = true;
  send("GET /api/robots/a HTTP/1.1\r\nHost: x\r\n\r\n");
  wait_for([&] { return !api_.held.empty(); });
  for (int i = 0; i < 5; ++i)
    pass_idle_timeout();
  api_.release();
  EXPECT_EQ(receive().status, 404);
}

TEST_F(HttpSessionTest, DrainsIdleConnectionAtOnce) {
  EXPECT_EQ(get("/livez").status, 200);
  sessions_.drain_all();
  expect_end();
  EXPECT_EQ(sessions_.count(), 0u);
}

TEST_F(HttpSessionTest, FinishesItsAnswerWhenDrained) {
  api_.add_robot("a", 1);
  api_.hold = true;
  send("GET /api/robots/a HTTP/1.1\r\nHost: x\r\n\r\n");
  wait_for([&] { return !api_.held.empty(); });
  sessions_.drain_all();
  settle();
  EXPECT_FALSE(ended());
  api_.release();
  const auto answer = receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  expect_end();
}

TEST_F(HttpSessionTest, FinishesLongAnswerWhenDrained) {
  api_.add_robot("long", 20'000);
  api_.piece_rows = 1'000;
  api_.hold = true;
  send("GET /api/robots/long/events HTTP/1.1\r\nHost: x\r\n\r\n");
  wait_for([&] { return !api_.held.empty(); });
  api_.release();
  settle();
  sessions_.drain_all();
  api_.hold = false;
  api_.release();
  EXPECT_EQ(count_events(receive().body), 20'000);
  expect_end();
}

class HttpHalfReadTest : public HttpTest, public testing::WithParamInterface<std::string> {};

TEST_P(HttpHalfReadTest, IsRefusedWhenDrained) {
  send(GetParam());
  settle();
  sessions_.drain_all();
  sessions_.drain_all();
  EXPECT_EQ(receive().status, 503);
  expect_end();
  EXPECT_THAT(api_.ingested, testing::IsEmpty());
}

TEST_P(HttpHalfReadTest, IsGivenUpWhenItTakesTooLong) {
  send(GetParam());
  pass_idle_timeout();
  const auto answer = receive();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  expect_end();
}

INSTANTIATE_TEST_SUITE_P(Requests, HttpHalfReadTest,
                         testing::Values("GET /livez HTT",
                                         post_head + "Content-Length: 7\r\n\r\n1,2,",
                                         post_head +
                                             "Transfer-Encoding: chunked\r\n\r\n4\r\n1,2,\r\n"));

TEST_F(HttpSessionTest, DrainsConnectionThatComesLate) {
  sessions_.drain_all();
  connect();
  expect_end();
}

TEST_F(HttpSessionTest, RefusesEverythingBeyondTheLimitOfConnections) {
  context_.refusal = "too many connections";
  for (const std::string path : {"/livez", "/nowhere", "/upstream"}) {
    connect();
    EXPECT_EQ(get(path).status, 503) << path;
    expect_end();
  }
}

TEST_F(HttpSessionTest, RefusesLongAnswerThatDoesNotFitItsMemory) {
  context_.memory = request_budget(400u << 10);
  std::vector<request_loan> others;
  for (int i = 0; i < 4; ++i) {
    others.emplace_back(context_.memory);
    ASSERT_TRUE(others.back().raise_to(100u << 10));
  }
  api_.add_robot("long", 10'000);
  EXPECT_EQ(get("/api/robots/long/events").status, 503);
  EXPECT_EQ(get("/api/robots/long/events?limit=5000").status, 503);
  EXPECT_EQ(get("/api/robots/long").status, 200) << "a short answer needs none";
  others.pop_back();
  EXPECT_EQ(get("/api/robots/long/events").status, 200);
  EXPECT_EQ(get("/api/robots/long/events?limit=50").status, 200);
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(context_.memory.bytes(), 300u << 10) << "given back";
}

TEST_F(HttpSessionTest, TakesBodyOfRequestThatNeedsNone) {
  EXPECT_EQ(request("GET", "/livez", "", "ignored").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(HttpSessionTest, TakesTargetInAbsoluteForm) {
  EXPECT_EQ(get("http://somewhere:80/livez?x").status, 200);
  EXPECT_EQ(get("http://somewhere").status, 404);
}

TEST_F(HttpSessionTest, TakesEveryHostThatAUriCanName) {
  for (const std::string host :
       {"", "x", "x:", "x:80", "10.0.0.1:8000", "[::1]", "[::1]:8000", "[fe80::1%25eth0]:1",
        "robot_7.local", "a%20b", "a,b", "[v1.x:y]"}) {
    send("GET /livez HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    EXPECT_EQ(receive().status, 200) << host;
  }
}

TEST_F(HttpSessionTest, RefusesPostsOfUnknownLength) {
  for (const std::string begin :
       {"POST /api/events HTTP/1.1\r\nHost: x\r\n",
        "POST /api/events HTTP/1.0\r\nConnection: keep-alive\r\n",
        "POST /api/robots HTTP/1.1\r\nHost: x\r\n", "POST /nowhere HTTP/1.1\r\nHost: x\r\n"}) {
    connect();
    send(begin + "Content-Type: text/csv\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto answer = receive();
    EXPECT_EQ(answer.status, 411) << begin;
    EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
    EXPECT_EQ(json::parse(answer.body).at("title"), "Length Required");
    EXPECT_EQ(answer.headers.at("connection"), "close");
    expect_end();
  }
  EXPECT_THAT(api_.ingested, testing::IsEmpty());
}

TEST_F(HttpSessionTest, ReadsNoRequestFromABodyOfUnknownLength) {
  for (const std::string method : {"PUT", "PATCH"}) {
    connect();
    send(method + " /api/robots HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\n\r\n");
    const auto answer = receive();
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(answer.headers.at("connection"), "close");
    expect_end();
  }
}

class HttpMalformedTest : public HttpTest,
                          public testing::WithParamInterface<std::pair<std::string, int>> {};

TEST_P(HttpMalformedTest, IsAProblemAndEndsTheConnection) {
  const auto& [bytes, status] = GetParam();
  send(bytes);
  const auto answer = receive();
  EXPECT_EQ(answer.status, status);
  EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(json::parse(answer.body).at("status"), status);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  expect_end();
}

INSTANTIATE_TEST_SUITE_P(
    Requests, HttpMalformedTest,
    testing::Values(
        std::pair("GARBAGE\r\n\r\n", 400), std::pair("\x16\x03\x01\x02\x01\x01\r\n\r\n", 400),
        std::pair("\rGET /livez HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        std::pair("\r\n\rGET /livez HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        std::pair("\r\n GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        std::pair("GET /livez\r\n\r\n", 400), std::pair("GET /livez HTTP/9.9\r\n\r\n", 400),
        std::pair("GET /livez HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nbroken header\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(200'000, 'a') +
                      "\r\n\r\n",
                  431),
        std::pair("GET /" + std::string(200'000, 'a') + " HTTP/1.1\r\n\r\n", 431),
        std::pair("GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: a%2\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: \xc3\xbc\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: [a]\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400),
        std::pair("GET /livez HTTP/1.0\r\nHost: a/b\r\n\r\n", 400),
        std::pair(post_head + "Content-Length: many\r\n\r\n", 400),
        std::pair(post_head + "Content-Length: -1\r\n\r\n", 400),
        std::pair(post_head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        std::pair(post_head + "Content-Length: 99999999999999999999999\r\n\r\n", 400),
        std::pair(post_head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        std::pair(post_head + "Transfer-Encoding: chunked\r\n\r\n5;a=\"x\r\n", 400),
        std::pair(post_head + "Transfer-Encoding: chunked\r\n\r\n0;a=\"\\\"\r\n\r\n", 400),
        std::pair(post_head + "Transfer-Encoding: chunked\r\n\r\n1\r\n1;\r\n", 400),
        std::pair(post_head + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(2'000, 'a'),
                  400),
        std::pair(post_head + "Transfer-Encoding: chunked\r\n\r\n0\r\nno field\r\n\r\n", 400),
        std::pair(post_head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        std::pair(post_head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400),
        std::pair(post_head + "Transfer-Encoding:\r\nContent-Length: 3\r\n\r\n1,2", 400),
        std::pair(post_head + "Content-Length: 3\r\nTransfer-Encoding: \t\r\n\r\n1,2", 400),
        std::pair(post_head + "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        std::pair(post_head + "Transfer-Encoding: ,\r\nContent-Length: 3\r\n\r\n1,2", 501),
        std::pair(post_head + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        std::pair(post_head + "Transfer-Encoding: gzip\r\n\r\n", 501),
        std::pair(post_head + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        std::pair("POST /api/events HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        std::pair(post_head + "Expect: dinner\r\nContent-Length: 1\r\n\r\n", 417),
        std::pair(post_head + "Expect: 100-continue\r\nExpect: dinner\r\nContent-Length: 1\r\n\r\n",
                  417)));

class HttpLargeHeadTest : public HttpTest {
protected:
  /// Sends `parts`, each in a segment of its own, while the server does not refuse them.
  void expect_431(const std::vector<std::string>& parts) {
    connect();
    for (const std::string& part : parts) {
      send(part);
      settle();
      if (!input_.empty())
        break;
    }
    const auto answer = receive();
    EXPECT_EQ(answer.status, 431);
    EXPECT_EQ(answer.headers.at("connection"), "close");
    expect_end();
  }

  const std::string begin_ = "GET /livez HTTP/1.1\r\nHost: x\r\n";
};

TEST_F(HttpLargeHeadTest, IsRefusedInSegmentsThatEndOneByteIntoALine) {
  std::vector<std::string> parts{begin_ + "a"};
  for (int i = 0; i < 100; ++i)
    parts.push_back(": " + std::string(400, 'b') + "\r\na");
  expect_431(parts); // without waiting for an end that never comes
  parts.emplace_back(": b\r\n\r\n");
  expect_431(parts);
}

TEST_F(HttpLargeHeadTest, IsRefusedInShortLinesOfOneSend) {
  std::string lines;
  while (lines.size() < 40'000)
    lines += "a: b\r\n";
  expect_431({begin_ + lines + "\r\n"});
  expect_431({begin_ + lines, "\r\n"});
}

TEST_F(HttpLargeHeadTest, IsRefusedInFoldedLines) {
  std::string lines = "a: b\r\n";
  while (lines.size() < 40'000)
    lines += " " + std::string(30, ' ') + "\r\n";
  expect_431({begin_ + lines + "\r\n"});
}

TEST_F(HttpLargeHeadTest, IsRefusedBehindOthers) {
  std::string heads;
  for (int i = 0; i < 3; ++i)
    heads += begin_ + "\r\n";
  std::string large = begin_;
  while (large.size() < 20'000)
    large += "a: " + std::string(400, 'b') + "\r\n";
  send(heads + large + "\r\n");
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(receive().status, 200);
  EXPECT_EQ(receive().status, 431);
  expect_end();
}

TEST_F(HttpLargeHeadTest, IsRefusedForItsFields) {
  std::string lines;
  for (int i = 0; i < 127; ++i)
    lines += "a: b\r\n";
  send(begin_ + lines + "\r\n");
  EXPECT_EQ(receive().status, 200);
  expect_431({begin_ + lines + "a: b\r\n\r\n"});
}

TEST_F(HttpLargeHeadTest, MayArriveByteByByte) {
  for (const char c : begin_ + "a: b\r\n\r\n") {
    send(std::string(1, c));
    settle();
  }
  EXPECT_EQ(receive().status, 200);
}

TEST_F(HttpSessionTest, DropsTrailers) {
  api_.add_robot("a", 2);
  send("GET /api/robots/a/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
       "1\r\nx\r\n0\r\nAccept: text/csv\r\n\r\n");
  EXPECT_EQ(receive().headers.at("content-type"), "application/json");
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(HttpSessionTest, RefusesTrailersAbove4KiB) {
  const std::string head = post_head + "Transfer-Encoding: chunked\r\n\r\n0\r\n";
  for (const std::string& trailers :
       {"a: " + std::string(5'000, 'b') + "\r\n\r\n", "a: " + std::string(5'000, 'b'), [] {
          std::string lines;
          while (lines.size() < 5'000)
            lines += "a: b\r\n";
          return lines;
        }()}) {
    connect();
    send(head + trailers);
    EXPECT_EQ(receive().status, 431);
    expect_end();
  }
  EXPECT_THAT(api_.ingested, testing::IsEmpty());
}

TEST_F(HttpSessionTest, FindsNoHandshakeInTrailers) {
  const std::string handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                "Sec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  send("GET /upstream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + handshake +
       "\r\n");
  EXPECT_EQ(receive().status, 426);
  for (const std::string body :
       {"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Content-Length: 1\r\n\r\nx"}) {
    connect();
    send("GET /upstream HTTP/1.1\r\nHost: x\r\n" + handshake + body);
    EXPECT_EQ(receive().status, 400) << "a handshake has no body";
    expect_end();
  }
  EXPECT_EQ(upstreams_.asked, 0);
}

TEST_F(HttpSessionTest, SurvivesAFailureOfAnyReadOrWrite) {
  api_.add_robot("long", 10'000);
  api_.piece_rows = 1'000;
  const std::string requests = post_head + "Expect: 100-continue\r\nContent-Length: 7\r\n\r\n";
  const std::string rest = "1,2,3,aGET /api/robots/long/events HTTP/1.1\r\nHost: x\r\n\r\n"
                           "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  std::size_t failed = 0;
  for (bool has_failed = true; has_failed; ++failed) {
    connect();
    peer().operations_left = failed;
    send(requests);
    send(rest);
    end_sending();
    has_failed = peer().operations_left == 0;
    EXPECT_FALSE(peer().is_open) << failed;
    EXPECT_EQ(api_.open_streams, 0u) << failed;
  }
  EXPECT_GT(failed, 10u);
  EXPECT_THAT(input_, testing::EndsWith("{\"status\":\"live\"}\n"));
}

TEST_F(HttpSessionTest, SaysNothingToClientThatLeaves) {
  send("GET /livez HT");
  end_sending();
  expect_end();
}

TEST_F(HttpSessionTest, AnswersAllThatWasReadBeforeTheClientStoppedSending) {
  api_.hold = true;
  send(post_head + "Content-Length: 7\r\n\r\n1,2,3,a" + "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" +
       "GET /readyz HTT");
  end_sending();
  EXPECT_TRUE(peer().is_open) << "it waits for the engine";
  api_.release();
  EXPECT_EQ(receive().status, 200);
  EXPECT_EQ(receive().body, "{\"status\":\"live\"}\n");
  expect_end();
}

TEST_F(HttpSessionTest, AnswersClientThatOnlyStoppedSending) {
  send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  end_sending();
  EXPECT_EQ(receive().status, 200);
  expect_end();
}

} // namespace
} // namespace telemetry::net
