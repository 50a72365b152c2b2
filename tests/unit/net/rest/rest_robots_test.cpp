#include "net/rest/rest_robots.hpp"

#include "net/rest/dispatch.hpp"
#include "net/rest/format_json.hpp"
#include "net/session.hpp"
#include "tests/integration/http_fake_api.hpp"

#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

/// Never used: robots and events are read within the call.
struct no_thread final : io_thread {
  void post(std::function<void()>) override { ADD_FAILURE(); }
  std::size_t index() const noexcept override { return 0; }
};

struct no_upstreams final : upstream_factory {
  result<std::unique_ptr<upstream>> open(upstream_peer&, io_thread&, caller_ptr) override {
    return failure{errc::unavailable, "no WebSockets here"};
  }
};

/// What a GET of `target` by `who` is answered with.
http_answer answer_of(fake_api& engine, std::string_view target,
                      const caller_ptr& who = anonymous()) {
  const server_options options;
  no_upstreams upstreams;
  no_thread thread;
  session_registry sessions;
  session_context context{options, upstreams, engine, thread, sessions, open_callers()};
  http_request request;
  request.method = http_method::get;
  request.target = target;
  rest_route route{};
  EXPECT_FALSE(find_route(request, {*open_callers(), nullptr}, route)) << target;
  http_answer got;
  const auto operation = answer_request(std::move(request), std::move(route), context.rest_for(who),
                                        [&](http_answer answer) { got = std::move(answer); });
  got.more.reset(); // reads of the engine, which may be gone before the answer
  return got;
}

std::string headers_of(fake_api& engine, std::string_view target) {
  return answer_of(engine, target).headers;
}

TEST(RestRobotsTest, LinksRelativeToTheRequestSoThatAPrefixOfAProxyStays) {
  fake_api engine;
  engine.add_robot("a b+c", 5);
  engine.add_robot("z", 1);
  EXPECT_EQ(headers_of(engine, "/api/robots?limit=1"),
            "Link: <?limit=1&after=a%20b%2Bc>; rel=\"next\"\r\n");
  EXPECT_EQ(headers_of(engine, "http://host/api/robots?limit=1&after=a"),
            "Link: <?limit=1&after=a%20b%2Bc>; rel=\"next\"\r\n");
  EXPECT_EQ(headers_of(engine, "/api/robots/a%20b%2Bc/events?limit=2&x=1+2&format=csv&after=0"),
            "Vary: Accept, Accept-Encoding\r\nLink: <?limit=2&x=1%202&format=csv&after=2>; "
            "rel=\"next\"\r\n");
}

TEST(RestRobotsTest, TellsTheEngineWhoListsRobots) {
  fake_api engine;
  answer_of(engine, "/api/robots", std::make_shared<const caller>(caller{"a test", {scope::read}}));
  EXPECT_EQ(engine.asked_by, "a test");
}

/// What `who` is told about a robot, with its name replaced.
std::string told_of(fake_api& engine, std::string target, const std::string& name,
                    const caller_ptr& who) {
  target.replace(target.find('%'), 1, name);
  const auto answer = answer_of(engine, target, who);
  auto text = std::to_string(answer.status) + answer.headers + answer.body;
  for (auto at = text.find(name); at != text.npos; at = text.find(name))
    text.replace(at, name.size(), "NAME");
  return text;
}

TEST(RestRobotsTest, ARobotThatItsCallerMayNotSeeIsLikeAnUnknownOne) {
  fake_api engine;
  engine.add_robot("foreign", 5);
  engine.add_robot("own/1", 5);
  const auto who = std::make_shared<const caller>(
      caller{"a test", {scope::read}, name_filter(std::vector<std::string>{"own/"})});
  for (const auto* target :
       {"/api/robots/%", "/api/robots?name=%", "/api/robots/%/events", "/api/events?robot=%",
        "/api/robots/%/events?format=csv&limit=2", "/api/robots/%/events?limit=x",
        "/api/robots/%/odometer", "/api/odometer?robot=%&start_time=1",
        "/api/robots?name=%&after=a", "/api/robots/%/odometer?start_time=x"}) {
    EXPECT_EQ(told_of(engine, target, "foreign", who), told_of(engine, target, "unknown", who))
        << target;
    if (std::string(target).find("=x") == std::string::npos) {
      EXPECT_NE(told_of(engine, target, "foreign", anonymous()),
                told_of(engine, target, "foreign", who))
          << target;
    }
  }
  EXPECT_EQ(answer_of(engine, "/api/robots?name=own/1", who).status, 200);
  EXPECT_EQ(answer_of(engine, "/api/robots/own%2F1/odometer", who).body,
            answer_of(engine, "/api/robots/own%2F1/odometer").body);
}

std::string object_of(fake_api& engine, const std::string& name) {
  std::string object;
  append_json_robot(object, name, engine.states.at(name));
  return object;
}

TEST(RestRobotsTest, FindsARobotByTheQueryThatAPathCannotName) {
  for (const auto& [name, written] : {std::pair("a/b", "a/b"), std::pair(".", "."),
                                      std::pair("..", "%2E%2E"), std::pair("a b", "a+b")}) {
    fake_api engine;
    engine.add_robot(name, 2);
    engine.add_robot("other", 3);
    const std::string query = written;
    EXPECT_EQ(answer_of(engine, "/api/robots?name=" + query).body,
              "[" + object_of(engine, name) + "]\n");
    EXPECT_EQ(answer_of(engine, "/api/odometer?robot=" + query).body,
              std::string("{\"odometer\":1.0,\"robot\":\"") + name + "\"}\n");
    EXPECT_EQ(answer_of(engine, "/api/events?format=csv&start_time=1&robot=" + query).body,
              std::string("x,y,timestamp,robot_name\r\n1.0,0.5,1,") + name + "\r\n");
  }
}

TEST(RestRobotsTest, ListsOneRobotOrNoneByName) {
  fake_api engine;
  engine.add_robot("m", 1);
  EXPECT_NE(answer_of(engine, "/api/robots?name=m&limit=1&after=a").body, "[]\n");
  for (const char* target : {"/api/robots?name=nobody", "/api/robots?name=", "/api/robots?name=a,b",
                             "/api/robots?name=m&after=m", "/api/robots?name=M"}) {
    EXPECT_EQ(answer_of(engine, target).body, "[]\n") << target;
    EXPECT_EQ(answer_of(engine, target).status, 200) << target;
  }
}

TEST(RestRobotsTest, RefusesAQueryThatNamesNoRobotOrTwo) {
  fake_api engine;
  for (const char* target :
       {"/api/events", "/api/odometer", "/api/events?robot=a&robot=a", "/api/odometer?robot=%ff",
        "/api/events?robot=%ff", "/api/robots?name=%ff", "/api/robots?name=a&name=b"})
    EXPECT_EQ(answer_of(engine, target).status, 400) << target;
  EXPECT_EQ(answer_of(engine, "/api/events?robot=").body, "[]\n") << "no robot has this name";
}

TEST(RestRobotsTest, MakesFormulasHarmlessOnlyIfAsked) {
  fake_api engine;
  engine.add_robot("=1+1", 1);
  const std::string head = "x,y,timestamp,robot_name\r\n0.0,0.5,0,";
  const std::string events = "/api/events?robot=%3D1%2B1&";
  EXPECT_EQ(answer_of(engine, events + "format=csv").body, head + "=1+1\r\n");
  EXPECT_EQ(answer_of(engine, events + "format=csv&safe=0").body, head + "=1+1\r\n");
  EXPECT_EQ(answer_of(engine, events + "format=csv&safe=1").body, head + "'=1+1\r\n");
  for (const char* query : {"safe=1", "format=json&safe=1", "format=csv&safe=yes",
                            "format=csv&safe=", "format=csv&safe=1&safe=1"})
    EXPECT_EQ(answer_of(engine, events + query).status, 400) << query;
}

} // namespace
} // namespace telemetry::net
