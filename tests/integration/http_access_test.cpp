#include "http_fixture.hpp"
#include "net/http_request_reader.hpp"
#include "tests/support/made_key.hpp"

#include <nlohmann/json.hpp>

namespace telemetry::net {
namespace {

using test::made_key;
using test::set_of;

/// A server that asks for keys.
class HttpAccessTest : public HttpTest {
protected:
  HttpAccessTest() {
    known_ = callers::with_keys(set_of(reader_, writer_, operator_, narrow_));
    options_.on_access_refused = [this](const access_report& report) {
      refusals_.push_back(std::string(report.why) + ' ' + std::string(report.key_id) + ' ' +
                          std::string(report.route));
    };
  }

  void SetUp() override {
    HttpTest::SetUp();
    api_.add_robot("R2D2", 5);
  }

  static std::string shown(const made_key& one) { return shown(one.text); }
  static std::string shown(const std::string& text) {
    return "Authorization: Bearer " + text + "\r\n";
  }
  /// Replaces the callers that the server knows, as it does when the keys file changes.
  void know(callers_ptr callers) {
    known_ = std::move(callers);
    for (bool goes_on = sessions_.start_review(); goes_on;)
      goes_on = sessions_.review_some();
    settle();
  }

  /// Asks for more than the client reads.
  void start_long_answer(const made_key& who) {
    api_.add_robot("site-a/long", 100'000);
    block_after(2'000);
    send("GET /api/robots/site-a%2Flong/events HTTP/1.1\r\nHost: test\r\n" + shown(who) + "\r\n");
    ASSERT_FALSE(ended());
  }

  made_key reader_{"reader", {scope::read}};
  made_key writer_{"writer", {scope::ingest}};
  made_key operator_{"operator", {scope::admin}};
  made_key narrow_{"narrow", {scope::read, scope::ingest}, {"site-a/"}};
  std::vector<std::string> refusals_;
};

TEST_F(HttpAccessTest, AsksForAKey) {
  const auto answer = get("/api/robots/R2D2");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.headers.at("www-authenticate"), "Bearer realm=\"telemetryd\"");
  EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(get("/api/robots/R2D2", shown(reader_)).status, 200) << "on the same connection";
  EXPECT_EQ(get("/api/robots/R2D2").status, 401) << "the right belonged to the request";
}

TEST_F(HttpAccessTest, AnswersEveryBadKeyAlike) {
  auto wrong_secret = made_key("reader").text;
  auto mistyped = reader_.text;
  mistyped.back() = mistyped.back() == 'a' ? 'b' : 'a';
  std::optional<http_response> first;
  for (const auto& text : {wrong_secret, mistyped, made_key("nobody").text, std::string("x"),
                           reader_.text.substr(0, 20), std::string("a.b.c")}) {
    auto answer = get("/api/robots/R2D2", shown(text));
    EXPECT_EQ(answer.status, 401) << text;
    EXPECT_EQ(answer.headers.at("www-authenticate"),
              "Bearer realm=\"telemetryd\", error=\"invalid_token\"");
    answer.headers.erase("date");
    if (first) {
      EXPECT_EQ(answer.body, first->body);
      EXPECT_EQ(answer.headers, first->headers);
    }
    first = std::move(answer);
  }
  EXPECT_EQ(refusals_, (std::vector<std::string>{
                           "secret reader /api/robots/<robot>", "checksum  /api/robots/<robot>",
                           "unknown  /api/robots/<robot>", "malformed  /api/robots/<robot>",
                           "malformed  /api/robots/<robot>", "malformed  /api/robots/<robot>"}));
}

TEST_F(HttpAccessTest, NamesTheScopeThatAKeyLacks) {
  const auto answer = get("/api/robots", shown(writer_));
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.headers.at("www-authenticate"),
            "Bearer realm=\"telemetryd\", error=\"insufficient_scope\", scope=\"read\"");
  EXPECT_EQ(get("/api/robots", shown(operator_)).status, 200) << "admin includes read";
}

TEST_F(HttpAccessTest, ProbesNeedNoKey) {
  for (const auto* target : {"/livez", "/readyz", "/version"}) {
    EXPECT_EQ(get(target).status, 200) << target;
    EXPECT_EQ(get(target, shown("x")).status, 200) << target;
  }
  EXPECT_EQ(request("OPTIONS", "/api/robots").status, 204);
}

TEST_F(HttpAccessTest, JudgesAddressAndMethodBeforeTheKeyAndTheBodyAfterIt) {
  EXPECT_EQ(get("/nowhere").status, 404);
  EXPECT_EQ(request("DELETE", "/api/robots").status, 405);
  connect();
  EXPECT_EQ(get("/api/robots/%zz").status, 400);
  EXPECT_EQ(get("/api/robots?limit=x").status, 401);
  EXPECT_EQ(get("/api/robots?limit=x", shown(reader_)).status, 400);
  EXPECT_EQ(request("POST", "/api/events", "Content-Type: text/plain\r\n", "x").status, 401);
}

TEST_F(HttpAccessTest, ReadsNoBodyAndInvitesNoneBeforeTheKey) {
  send("POST /api/events HTTP/1.1\r\nHost: test\r\nContent-Type: text/csv\r\n"
       "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n");
  EXPECT_EQ(receive().status, 401);
  EXPECT_TRUE(ended()) << "a body is on its way";
  EXPECT_TRUE(api_.ingests.empty());
}

TEST_F(HttpAccessTest, RefusesTwoAuthorizationsAndKeysInAddresses) {
  EXPECT_EQ(get("/api/robots", shown(reader_) + shown(reader_)).status, 400);
  const auto answer = get("/api/robots?access_token=" + reader_.text);
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("revoke it"), std::string::npos);
  EXPECT_EQ(answer.body.find(reader_.text), std::string::npos);
}

TEST_F(HttpAccessTest, RefusesAHandshakeBeforeItBecomesAWebSocket) {
  const std::string handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                "Sec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  EXPECT_EQ(get("/upstream", handshake).status, 401);
  EXPECT_EQ(get("/upstream", handshake + shown(reader_)).status, 403);
  EXPECT_EQ(upstreams_.asked, 0);
  send("GET /upstream HTTP/1.1\r\nHost: test\r\n" + handshake + shown(writer_) + "\r\n");
  EXPECT_EQ(upstreams_.asked, 1);
  input_.clear();
}

TEST_F(HttpAccessTest, AForeignRobotIsLikeAnUnknownOne) {
  for (const auto* target :
       {"/api/robots/%", "/api/robots/%/events", "/api/robots/%/odometer", "/api/odometer?robot=%",
        "/api/robots/%/events?limit=x", "/api/robots/%/events?format=csv"}) {
    const auto about = [&](const std::string& name) {
      std::string one = target;
      const auto answer = get(one.replace(one.find('%'), 1, name), shown(narrow_));
      auto text = std::to_string(answer.status) + answer.body;
      for (auto at = text.find(name); at != text.npos; at = text.find(name))
        text.replace(at, name.size(), "NAME");
      return text;
    };
    EXPECT_EQ(about("R2D2"), about("none")) << target;
  }
}

TEST_F(HttpAccessTest, ALongAnswerIsResetWhenItsRightEnds) {
  start_long_answer(reader_);
  know(callers::with_keys(set_of(reader_, writer_)));
  EXPECT_FALSE(ended()) << "the right is still there";
  reader_.entry.may = {scope::read, scope::ingest};
  know(callers::with_keys(set_of(reader_, writer_)));
  EXPECT_FALSE(ended()) << "the right is wider";
  know(callers::with_keys(set_of(writer_)));
  EXPECT_TRUE(ended());
  EXPECT_TRUE(peer().was_reset);
}

TEST_F(HttpAccessTest, ALongAnswerIsResetWhenItsRightBecomesNarrower) {
  start_long_answer(narrow_);
  narrow_.entry.prefixes = {"site-"};
  narrow_.entry.robots = name_filter(narrow_.entry.prefixes);
  know(callers::with_keys(set_of(narrow_)));
  EXPECT_FALSE(ended()) << "it covers the old one";
  narrow_.entry.prefixes = {"site-a/1"};
  narrow_.entry.robots = name_filter(narrow_.entry.prefixes);
  know(callers::with_keys(set_of(narrow_)));
  EXPECT_TRUE(peer().was_reset);
}

TEST_F(HttpAccessTest, EventsThatWereReadAreAnsweredAfterTheRightEnded) {
  api_.hold = true;
  send("POST /api/events HTTP/1.1\r\nHost: test\r\nContent-Type: text/csv\r\n" + shown(writer_) +
       "Content-Length: 9\r\n\r\n0,0,1,r\n\n");
  know(callers::with_keys(set_of(reader_)));
  api_.hold = false;
  api_.release();
  EXPECT_EQ(receive().status, 200);
  EXPECT_EQ(get("/api/robots", shown(writer_)).status, 401);
}

TEST_F(HttpAccessTest, AConnectionIsProvenByAGoodKeyOnly) {
  EXPECT_EQ(sessions_.unproven_count(), 1u);
  get("/livez");
  get("/api/robots", shown("x"));
  get("/api/robots", shown(writer_));
  EXPECT_EQ(sessions_.unproven_count(), 1u);
  get("/api/robots", shown(reader_));
  EXPECT_EQ(sessions_.unproven_count(), 0u);
}

TEST_F(HttpAccessTest, CutsTheOldestUnprovenConnection) {
  connect();
  connect();
  switch_to(1);
  get("/api/robots", shown(reader_));
  EXPECT_EQ(sessions_.unproven_count(), 2u);
  sessions_.cut_oldest_unproven();
  settle();
  EXPECT_FALSE(ended());
  switch_to(0);
  EXPECT_TRUE(ended());
  sessions_.cut_oldest_unproven();
  sessions_.cut_oldest_unproven();
  switch_to(2);
  EXPECT_TRUE(ended());
  switch_to(1);
  EXPECT_EQ(get("/api/robots", shown(reader_)).status, 200);
}

TEST_F(HttpAccessTest, ForgetsTheCredentialsOfARequest) {
  EXPECT_EQ(get("/api/robots", shown(reader_)).status, 200);
  http_request_reader reader(100);
  reader.receive("GET / HTTP/1.1\r\nHost: test\r\n" + shown(reader_) + "\r\nnext");
  ASSERT_EQ(reader.read_head(), http_request_reader::progress::whole);
  reader.forget_credentials();
  EXPECT_EQ(reader.head().count(boost::beast::http::field::authorization), 0u);
  EXPECT_EQ(reader.head().count(boost::beast::http::field::host), 1u);
  EXPECT_EQ(reader.received(), "next");
}

} // namespace
} // namespace telemetry::net
