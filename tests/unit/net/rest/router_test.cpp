#include "net/rest/router.hpp"

#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

std::optional<endpoint> find(std::string_view target) {
  return find_endpoint(parse_target(target).value());
}

TEST(RouterTest, FindsEveryEndpoint) {
  EXPECT_EQ(find("/api/robots"), endpoint::robots);
  EXPECT_EQ(find("/api/robots?limit=1"), endpoint::robots);
  EXPECT_EQ(find("/api/robots/a"), endpoint::robot);
  EXPECT_EQ(find("/api/robots/a%2Fevents"), endpoint::robot);
  EXPECT_EQ(find("/api/robots/events/events"), endpoint::robot_events);
  EXPECT_EQ(find("/api/robots/a/odometer"), endpoint::robot_odometer);
  EXPECT_EQ(find("/api/events"), endpoint::ingest);
  EXPECT_EQ(find("/upstream"), endpoint::upstream);
  EXPECT_EQ(find("/livez"), endpoint::livez);
  EXPECT_EQ(find("/readyz"), endpoint::readyz);
  EXPECT_EQ(find("/version"), endpoint::version);
}

TEST(RouterTest, FindsNothingElse) {
  for (const char* target :
       {"/", "/api", "/api/", "/api/robots/", "/api/robots//events", "/api/robots/a/",
        "/api/robots/a/events/", "/api/robots/a/b", "/api/robots/a/events/b", "/api/events/",
        "/api/event", "/upstream/", "/livez/", "/Livez", "/API/robots", "//api/robots", "/metrics"})
    EXPECT_EQ(find(target), std::nullopt) << target;
}

TEST(RouterTest, NamesTheAddressThatSlashesMiss) {
  const auto meant = [](std::string_view target) {
    return address_meant(parse_target(target).value()).value_or("none");
  };
  EXPECT_EQ(meant("/upstream/"), "/upstream");
  EXPECT_EQ(meant("/api/robots/"), "/api/robots");
  EXPECT_EQ(meant("/api/robots//"), "/api/robots");
  EXPECT_EQ(meant("//api/robots"), "/api/robots");
  EXPECT_EQ(meant("//api//events/?x=1"), "/api/events");
  EXPECT_EQ(meant("/api/robots/a%2Fb%20c/"), "/api/robots/a%2Fb%20c");
  EXPECT_EQ(meant("/api/robots/a/events/"), "/api/robots/a/events");
  EXPECT_EQ(meant("/api/robots/a//odometer"), "/api/robots/a/odometer");
  for (const char* target : {"/", "//", "/api/", "/nowhere/", "/api/robots//events",
                             "//api/robots//a", "/api/robots/a/b/", "/upstream/x"})
    EXPECT_EQ(meant(target), "none") << target;
}

TEST(RouterTest, AllowsWhatItSaysItAllows) {
  for (const endpoint where :
       {endpoint::robots, endpoint::robot, endpoint::robot_events, endpoint::robot_odometer,
        endpoint::upstream, endpoint::livez, endpoint::readyz, endpoint::version}) {
    EXPECT_EQ(allowed_methods(where), "GET, HEAD, OPTIONS");
    EXPECT_TRUE(allows(where, http_method::get) && allows(where, http_method::head));
    EXPECT_TRUE(allows(where, http_method::options));
    EXPECT_FALSE(allows(where, http_method::post) || allows(where, http_method::other));
  }
  EXPECT_EQ(allowed_methods(endpoint::ingest), "OPTIONS, POST");
  EXPECT_TRUE(allows(endpoint::ingest, http_method::post));
  EXPECT_TRUE(allows(endpoint::ingest, http_method::options));
  EXPECT_FALSE(allows(endpoint::ingest, http_method::get));
  EXPECT_FALSE(allows(endpoint::ingest, http_method::head));
}

} // namespace
} // namespace telemetry::net
