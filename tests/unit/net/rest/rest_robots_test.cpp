#include "net/rest/rest_robots.hpp"

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
  result<std::unique_ptr<upstream>> open(upstream_peer&, io_thread&) override {
    return failure{errc::unavailable, "no WebSockets here"};
  }
};

/// The headers that a GET of `target` is answered with.
std::string headers_of(fake_api& engine, std::string_view target) {
  const server_options options;
  no_upstreams upstreams;
  no_thread thread;
  session_registry sessions;
  session_context context{options, upstreams, engine, thread, sessions};
  http_request request;
  request.method = http_method::get;
  request.target = target;
  rest_route route{};
  EXPECT_FALSE(find_route(request, route)) << target;
  std::string headers;
  const auto operation =
      answer_request(std::move(request), std::move(route), context,
                     [&](const http_answer& answer) { headers = answer.headers; });
  return headers;
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
            "Vary: Accept\r\nLink: <?limit=2&x=1%202&format=csv&after=2>; rel=\"next\"\r\n");
}

} // namespace
} // namespace telemetry::net
