#include "net/rest/dispatch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace telemetry::net {
namespace {

using testing::HasSubstr;

/// The problem that a request is refused with by its head; its status is 0 if it is let pass.
nlohmann::json refusal(const http_request& request) {
  rest_route route{};
  const auto answer = find_route(request, {*open_callers(), nullptr}, route);
  return answer ? nlohmann::json::parse(answer->body) : nlohmann::json{{"status", 0}};
}

std::string detail_of(std::string_view target) {
  http_request request;
  request.method = http_method::get;
  request.target = target;
  const auto problem = refusal(request);
  EXPECT_EQ(problem.at("status"), 404) << target;
  return problem.at("detail");
}

TEST(DispatchTest, NamesTheRightAddressInA404) {
  EXPECT_EQ(detail_of("/upstream/"), "nothing is at this address; the right one is /upstream");
  EXPECT_EQ(detail_of("/api/robots/?limit=1"),
            "nothing is at this address; the right one is /api/robots");
  EXPECT_EQ(detail_of("//api/robots"), "nothing is at this address; the right one is /api/robots");
  EXPECT_EQ(detail_of("/api/robots/%C3%BC/"),
            "nothing is at this address; the right one is /api/robots/%C3%BC");
  EXPECT_EQ(detail_of("/nowhere"), "nothing is at this address");
  for (const char* address : {"/api/robots", "/api/events", "/upstream", "/readyz"})
    EXPECT_THAT(detail_of("/"), HasSubstr(address));
}

TEST(DispatchTest, GivesTheLineToTypeForABodyOfUnknownType) {
  for (const char* type : {"", "application/x-www-form-urlencoded", "text/plain"}) {
    http_request request;
    request.method = http_method::post;
    request.target = "/api/events";
    request.content_type = type;
    const auto problem = refusal(request);
    EXPECT_EQ(problem.at("status"), 415) << type;
    EXPECT_EQ(problem.at("detail"),
              "the Content-Type must be one of text/csv, application/json, application/x-ndjson; "
              "for a file of event lines: curl -H 'Content-Type: text/csv' "
              "--data-binary @events.csv http://<host>/api/events");
  }
}

TEST(DispatchTest, RefusesCodingsButGzip) {
  http_request request;
  request.method = http_method::post;
  request.target = "/api/events";
  request.content_type = "text/csv";
  for (const char* coding : {"br", "deflate", "gzip, gzip"}) {
    request.content_encoding = coding;
    EXPECT_EQ(refusal(request).at("detail"), "the only Content-Encoding understood is gzip");
  }
  request.content_encoding = "gzip";
  EXPECT_EQ(refusal(request).at("status"), 0);
}

} // namespace
} // namespace telemetry::net
