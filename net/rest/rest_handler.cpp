#include "net/rest/rest_handler.hpp"

#include "net/rest/body_events.hpp"
#include "net/rest/format_json.hpp"
#include "net/rest/format_media.hpp"
#include "net/rest/problem.hpp"
#include "net/rest/rest_ingest.hpp"
#include "net/rest/rest_robots.hpp"

#include <string>

namespace telemetry::net {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view addresses = "/api/robots, /api/robots/<robot>, "
                                       "/api/robots/<robot>/events, "
                                       "/api/robots/<robot>/odometer, /api/events, /upstream, "
                                       "/livez, /readyz, /version";
constexpr std::string_view body_types = "text/csv, application/json, application/x-ndjson";

/// curl says application/x-www-form-urlencoded unless told otherwise.
constexpr std::string_view line_to_type = "; for a file of event lines: "
                                          "curl -H 'Content-Type: text/csv' --data-binary "
                                          "@events.csv http://<host>/api/events";

std::string header_line(std::string_view name, std::string_view value) {
  return std::string(name).append(": ").append(value).append("\r\n");
}

http_answer allow_answer(std::string_view methods) {
  http_answer answer;
  answer.status = 204;
  answer.headers = header_line("Allow", methods);
  return answer;
}

http_answer refuse_address(const http_request& request, const http_target& target) {
  std::string detail = "nothing is at this address";
  if (const auto meant = address_meant(target))
    detail.append("; the right one is ").append(*meant);
  else if (target.path.size() == 1 && target.path[0].empty())
    detail.append("; try ").append(addresses);
  return make_problem(404, request.target, detail);
}

http_answer refuse_method(const http_request& request, endpoint where) {
  http_answer answer = make_problem(
      405, request.target, std::string("this address answers ").append(allowed_methods(where)));
  answer.headers += header_line("Allow", allowed_methods(where));
  return answer;
}

std::optional<http_answer> refuse_body_type(const http_request& request) {
  const bool encoded = !request.content_encoding.empty() &&
                       !equals_ignoring_case(request.content_encoding, "identity");
  if (!encoded && find_body_format(request.content_type))
    return std::nullopt;
  http_answer answer =
      make_problem(415, request.target,
                   encoded ? std::string("a body must come without Content-Encoding")
                           : std::string("the Content-Type must be one of ")
                                 .append(body_types)
                                 .append(line_to_type));
  answer.headers += header_line("Accept-Post", body_types);
  return answer;
}

http_answer ask_for_upgrade(const http_request& request) {
  http_answer answer = make_problem(426, request.target, "this address speaks WebSocket only");
  answer.headers += "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  return answer;
}

http_answer readiness(const http_request& request, const api& rest) {
  if (const auto reason = rest.not_ready())
    return make_problem(503, request.target, *reason);
  std::string body = "{";
  if (const auto trouble = rest.trouble()) {
    append_json_string(body += "\"detail\":", *trouble);
    body += ',';
  }
  return {200, json_type, {}, body += "\"status\":\"ready\"}\n", nullptr};
}

http_answer version_answer(std::string_view version) {
  std::string body = "{\"api\":1,\"compiler\":";
  append_json_string(body, __VERSION__);
  body += ",\"name\":\"telemetryd\",\"version\":";
  append_json_string(body, version);
  return {200, json_type, {}, body += "}\n", nullptr};
}

} // namespace

std::optional<http_answer> find_route(const http_request& request, rest_route& route) {
  if (request.method == http_method::options && request.target == "*")
    return allow_answer("GET, HEAD, OPTIONS, POST");
  auto target = parse_target(request.target);
  if (!target)
    return make_problem(target.error(), request.target);
  const auto where = find_endpoint(*target);
  if (!where)
    return refuse_address(request, *target);
  if (!allows(*where, request.method))
    return refuse_method(request, *where);
  if (request.method == http_method::options)
    return allow_answer(allowed_methods(*where));
  route = {std::move(target).value(), *where};
  if (*where == endpoint::ingest)
    return refuse_body_type(request);
  return std::nullopt;
}

std::shared_ptr<rest_operation> answer_request(http_request request, rest_route route,
                                               session_context& context, answer_callback done) {
  switch (route.where) {
  case endpoint::robots:
    return list_robots(request, route.target, context, std::move(done));
  case endpoint::robot:
    return show_robot(request, std::move(route.target), context, std::move(done));
  case endpoint::robot_events:
    return list_events(request, std::move(route.target), context, std::move(done));
  case endpoint::robot_odometer:
    return measure_robot(request, std::move(route.target), context, std::move(done));
  case endpoint::ingest:
    return ingest_body(std::move(request), context, std::move(done));
  case endpoint::upstream:
    done(ask_for_upgrade(request));
    return nullptr;
  case endpoint::livez:
    done({200, json_type, {}, "{\"status\":\"live\"}\n", nullptr});
    return nullptr;
  case endpoint::readyz:
    done(readiness(request, context.rest));
    return nullptr;
  case endpoint::version:
    done(version_answer(context.options.version));
    return nullptr;
  }
  return nullptr;
}

} // namespace telemetry::net
