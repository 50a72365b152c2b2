#include "net/rest/router.hpp"

#include "net/rest/rest_ingest.hpp"
#include "net/rest/rest_probes.hpp"
#include "net/rest/rest_robots.hpp"

#include <gtest/gtest.h>

#include <set>

namespace telemetry::net {
namespace {

/// The handler of a GET, or else of a POST; nullptr if there is none.
rest_handler* find(std::string_view target) {
  const auto parsed = parse_target(target).value();
  for (const http_method method : {http_method::get, http_method::post})
    if (const auto* row = find_row(parsed, method))
      return row->handler;
  return nullptr;
}

std::string allowed(std::string_view target) {
  return allow_list(methods_at(parse_target(target).value()));
}

TEST(RouterTest, FindsEveryRoute) {
  EXPECT_EQ(find("/api/robots"), list_robots);
  EXPECT_EQ(find("/api/robots?limit=1"), list_robots);
  EXPECT_EQ(find("/api/robots/a"), show_robot);
  EXPECT_EQ(find("/api/robots/a%2Fevents"), show_robot);
  EXPECT_EQ(find("/api/robots/%2E%2E"), show_robot);
  EXPECT_EQ(find("/api/robots/events/events"), list_events);
  EXPECT_EQ(find("/api/robots/a/odometer"), measure_robot);
  EXPECT_EQ(find("/api/events?robot=a"), list_events);
  EXPECT_EQ(find("/api/odometer?robot=a"), measure_robot);
  EXPECT_EQ(find_row(parse_target("/api/events").value(), http_method::post)->handler, ingest_body);
  EXPECT_EQ(find("/upstream"), ask_for_upgrade);
  EXPECT_EQ(find("/livez"), answer_livez);
  EXPECT_EQ(find("/readyz"), answer_readyz);
  EXPECT_EQ(find("/version"), answer_version);
}

TEST(RouterTest, FindsNothingElse) {
  for (const char* target :
       {"/", "/api", "/api/", "/api/robots/", "/api/robots//events", "/api/robots/a/",
        "/api/robots/a/events/", "/api/robots/a/b", "/api/robots/a/events/b", "/api/events/",
        "/api/event", "/upstream/", "/livez/", "/Livez", "/API/robots", "//api/robots", "/metrics"})
    EXPECT_EQ(find(target), nullptr) << target;
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
  EXPECT_EQ(meant("/api/robots/%2E%2E/"), "/api/robots/%2E%2E");
  EXPECT_EQ(meant("/api/robots/a/events/"), "/api/robots/a/events");
  EXPECT_EQ(meant("/api/robots/a//odometer"), "/api/robots/a/odometer");
  for (const char* target : {"/", "//", "/api/", "/nowhere/", "/api/robots//events",
                             "//api/robots//a", "/api/robots/a/b/", "/upstream/x"})
    EXPECT_EQ(meant(target), "none") << target;
}

TEST(RouterTest, AllowsTheMethodsOfAllRowsOfAnAddress) {
  for (const char* target :
       {"/api/robots", "/api/robots/a", "/api/robots/a/events", "/api/robots/a/odometer",
        "/api/odometer", "/upstream", "/livez", "/readyz", "/version"})
    EXPECT_EQ(allowed(target), "GET, HEAD, OPTIONS") << target;
  EXPECT_EQ(allowed("/api/events"), "GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(allowed("/nowhere"), "OPTIONS");
  EXPECT_EQ(allow_list(methods_anywhere()), "GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(allow_list({http_method::put, http_method::delete_}), "DELETE, OPTIONS, PUT");
}

// Who may do what must not change by accident: a new route is listed here by hand.
TEST(RouterTest, NeedsTheRightsThatAreWrittenHereToo) {
  std::set<std::string_view> open;
  for (const route& row : all_routes()) {
    if (row.right == scope::none)
      open.insert(row.pattern);
    else if (row.pattern == "/upstream" || row.methods.contains(http_method::post))
      EXPECT_EQ(row.right, scope::ingest) << row.pattern;
    else
      EXPECT_EQ(row.right, scope::read) << row.pattern;
  }
  EXPECT_EQ(open, (std::set<std::string_view>{"/livez", "/readyz", "/version"}));
}

} // namespace
} // namespace telemetry::net
