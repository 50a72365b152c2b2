#include "net/rest/rest_robots.hpp"

#include "core/line.hpp"
#include "core/number.hpp"
#include "net/rest/format_json.hpp"
#include "net/rest/problem.hpp"
#include "net/rest/rest_list.hpp"
#include "net/rest/rest_parameters.hpp"

namespace telemetry::net {
namespace {

constexpr std::string_view json_type = "application/json";

/// The engine is asked for one row more than a page has, to learn whether another page follows.
std::size_t rows_to_ask(std::size_t limit) noexcept {
  return limit == no_limit ? no_limit : limit + 1;
}

/// The Link value that leads from a page to the next one: the query of `target` with another
/// `after`. It is a reference relative to the request (RFC 3986, 5.2), because the server does not
/// know the prefix that a proxy may have put in front of its paths.
std::string next_page(const http_target& target, std::string_view after) {
  std::string link = "<?";
  for (const auto& [key, value] : target.query) {
    if (key == "after")
      continue;
    append_percent_encoded(link, key);
    link += '=';
    append_percent_encoded(link, value);
    link += '&';
  }
  link += "after=";
  append_percent_encoded(link, after);
  return link += ">; rel=\"next\"";
}

http_answer not_spelled(std::string_view target) {
  return make_problem(400, target, "the robot's name is not valid UTF-8");
}

http_answer unknown_robot(std::string_view target) {
  return make_problem(404, target, "no robot has this name");
}

/// Nothing, as the engine would answer for a robot that it does not know.
std::unique_ptr<pull_stream<event_row>> no_events(session_context& context) {
  return std::make_unique<row_vector_stream<event_row>>(std::vector<event_row>{},
                                                        request_loan(context.memory));
}

http_answer odometer_answer(double length, std::string_view name) {
  http_answer answer;
  answer.content_type = json_type;
  answer.body = "{\"odometer\":";
  append_double(answer.body, length);
  answer.body += ",\"robot\":";
  append_json_string(answer.body, name);
  answer.body += "}\n";
  return answer;
}

http_answer robot_answer(const std::optional<robot_state>& state, std::string_view name,
                         std::string_view target) {
  if (!state)
    return unknown_robot(target);
  http_answer answer;
  answer.content_type = json_type;
  append_json_robot(answer.body, name, *state);
  answer.body += '\n';
  return answer;
}

/// What a request for events asks for.
struct events_query {
  time_range range;
  std::size_t limit;
  event_format format;
};

result<events_query> read_events_query(const http_request& request, const http_target& target) {
  const auto range = range_parameters(target);
  if (!range)
    return range.error();
  const auto limit = limit_parameter(target);
  if (!limit)
    return limit.error();
  const auto after = timestamp_parameter(target, "after");
  if (!after)
    return after.error();
  const auto format = find_parameter(target, "format");
  if (!format)
    return format.error();
  events_query query{range.value(), limit.value(), negotiate(request.accept)};
  if (after.value())
    query.range.from = std::max(query.range.from, *after.value() + 1);
  if (format.value()) {
    const auto named = find_format(*format.value());
    if (!named)
      return failure{errc::malformed, "format must be json, csv, ndjson or geojson"};
    query.format = *named;
  }
  return query;
}

} // namespace

std::shared_ptr<rest_operation> list_robots(const http_request& request, const http_target& target,
                                            session_context& context, answer_callback done) {
  const auto limit = limit_parameter(target);
  const auto after = limit ? find_parameter(target, "after") : limit.error();
  if (!after) {
    done(make_problem(after.error(), request.target));
    return nullptr;
  }
  list_plan<named_robot> plan;
  plan.target = request.target;
  plan.rows = context.rest.robots(context.io, std::string(after.value().value_or("")),
                                  rows_to_ask(limit.value()));
  plan.writer = make_robot_writer();
  plan.content_type = json_type;
  plan.limit = limit.value();
  plan.next_link = [target](const named_robot& last) { return next_page(target, last.name); };
  return start_list(std::move(plan), context.memory, std::move(done));
}

std::shared_ptr<rest_operation> show_robot(const http_request& request, http_target target,
                                           session_context& context, answer_callback done) {
  std::string name = std::move(target.path[2]);
  if (!check_name(name)) {
    done(is_utf8(name) ? unknown_robot(request.target) : not_spelled(request.target));
    return nullptr;
  }
  context.rest.robot(context.io, name,
                     [name, path = std::string(request.target),
                      done = std::move(done)](const result<std::optional<robot_state>>& state) {
                       done(state ? robot_answer(state.value(), name, path)
                                  : make_problem(state.error(), path));
                     });
  return nullptr;
}

std::shared_ptr<rest_operation> list_events(const http_request& request, http_target target,
                                            session_context& context, answer_callback done) {
  const std::string name = target.path[2];
  const auto query = read_events_query(request, target);
  if (!query || !is_utf8(name)) {
    done(query ? not_spelled(request.target) : make_problem(query.error(), request.target));
    return nullptr;
  }
  const auto [range, limit, format] = query.value();
  const bool none = range.from > range.to || !check_name(name);
  list_plan<event_row> plan;
  plan.target = request.target;
  plan.rows = none
                  ? no_events(context)
                  : context.rest.events(context.io, name, range.from, range.to, rows_to_ask(limit));
  plan.writer = make_event_writer(format, name);
  plan.content_type = content_type(format);
  plan.headers = "Vary: Accept\r\n";
  plan.limit = limit;
  plan.next_link = [target = std::move(target)](const event_row& last) {
    return next_page(target, std::to_string(last.timestamp));
  };
  return start_list(std::move(plan), context.memory, std::move(done));
}

std::shared_ptr<rest_operation> measure_robot(const http_request& request, http_target target,
                                              session_context& context, answer_callback done) {
  const std::string name = std::move(target.path[2]);
  const auto range = range_parameters(target);
  if (!range || !is_utf8(name)) {
    done(range ? not_spelled(request.target) : make_problem(range.error(), request.target));
    return nullptr;
  }
  if (!check_name(name)) {
    done(odometer_answer(0, name));
    return nullptr;
  }
  context.rest.odometer(context.io, name, range->from, range->to,
                        [name, path = std::string(request.target),
                         done = std::move(done)](const result<double>& length) {
                          done(length ? odometer_answer(length.value(), name)
                                      : make_problem(length.error(), path));
                        });
  return nullptr;
}

} // namespace telemetry::net
