#include "net/rest/rest_robots.hpp"

#include "core/line.hpp"
#include "core/number.hpp"
#include "net/rest/format_json.hpp"
#include "net/rest/problem.hpp"
#include "net/rest/rest_list.hpp"
#include "net/rest/rest_parameters.hpp"

#include <array>

namespace telemetry::net {
namespace {

constexpr std::string_view json_type = "application/json";

/// The engine is asked for one row more than a page has, to learn whether another page follows.
std::size_t rows_to_ask(std::size_t limit) noexcept {
  return limit == no_limit ? no_limit : limit + 1;
}

/// The Link value from a page to the next page: the query of `target` with another `after`. It is
/// relative to the request (RFC 3986, 5.2), because the server does not know the prefix that a
/// proxy may have put before its paths.
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

failure not_utf8() { return {errc::malformed, "the robot's name is not valid UTF-8"}; }

/// The name of the robot of a request: a segment of its path, or the parameter `robot`.
result<std::string> robot_of(const http_target& target) {
  if (target.path.size() > 2)
    return is_utf8(target.path[2]) ? result<std::string>(target.path[2]) : not_utf8();
  const auto name = find_parameter(target, "robot");
  if (!name)
    return name.error();
  if (!name.value())
    return failure{errc::malformed, "robot is missing: which robot?"};
  return is_utf8(*name.value()) ? result<std::string>(std::string(*name.value())) : not_utf8();
}

http_answer unknown_robot(std::string_view target) {
  return make_problem(404, target, "no robot has this name");
}

/// An empty stream, as the engine answers for an unknown robot.
std::unique_ptr<pull_stream<event_row>> no_events(const rest_context& context) {
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

/// The parameters of a request for events.
struct events_query {
  time_range range;
  std::size_t limit;
  event_format format;
  bool safe; ///< whether a spreadsheet must not run names as formulas
};

/// Reads the parameter `safe`.
result<bool> safe_parameter(const http_target& target, event_format format) {
  const auto safe = find_parameter(target, "safe");
  if (!safe)
    return safe.error();
  if (!safe.value())
    return false;
  if (*safe.value() != "0" && *safe.value() != "1")
    return failure{errc::malformed, "safe must be 0 or 1"};
  if (format != event_format::csv)
    return failure{errc::malformed, "safe is for format=csv only"};
  return *safe.value() == "1";
}

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
  events_query query{range.value(), limit.value(), negotiate(request.accept), false};
  if (after.value())
    query.range.from = std::max(query.range.from, *after.value() + 1);
  if (format.value()) {
    const auto named = find_format(*format.value());
    if (!named)
      return failure{errc::malformed, "format must be " + list_of_formats()};
    query.format = *named;
  }
  const auto safe = safe_parameter(target, query.format);
  if (!safe)
    return safe.error();
  query.safe = safe.value();
  return query;
}

/// The parameters of a request for robots.
struct robots_query {
  std::size_t limit;
  std::string after;
  std::optional<std::string> name; ///< the only robot to list; nullopt: all
};

result<robots_query> read_robots_query(const http_target& target) {
  const auto limit = limit_parameter(target);
  if (!limit)
    return limit.error();
  const auto after = find_parameter(target, "after");
  if (!after)
    return after.error();
  const auto name = find_parameter(target, "name");
  if (!name)
    return name.error();
  robots_query query{limit.value(), std::string(after.value().value_or("")), std::nullopt};
  if (name.value() && !is_utf8(*name.value()))
    return not_utf8();
  if (name.value())
    query.name = *name.value();
  return query;
}

/// The name of a robot that the caller may see; nullopt if there is no such robot for it, because
/// the name is not legal or not one of its own.
std::optional<permitted_name> permit(const std::string& name, const rest_context& context) {
  return check_name(name) ? context.who->robots.permit(name) : std::nullopt;
}

/// Answers with a list of one robot; of none if the robot is unknown or not after `after`.
void list_one_robot(const robots_query& query, std::string_view target, const rest_context& context,
                    answer_callback done) {
  const std::string& name = *query.name;
  const auto answer = [name](const std::optional<robot_state>& state) {
    http_answer list;
    list.content_type = json_type;
    const auto writer = make_robot_writer();
    if (state)
      writer->append(std::array{named_robot{name, *state}}, list.body);
    writer->finish(list.body);
    return list;
  };
  auto permitted = permit(name, context);
  if (!permitted || name <= query.after)
    return done(answer(std::nullopt));
  context.engine.robot(context.io, std::move(*permitted),
                       [answer, path = std::string(target),
                        done = std::move(done)](const result<std::optional<robot_state>>& state) {
                         done(state ? answer(state.value()) : make_problem(state.error(), path));
                       });
}

} // namespace

std::shared_ptr<rest_operation> list_robots(routed_request asked, rest_context context,
                                            answer_callback done) {
  const std::string_view address = asked.request.target;
  auto query = read_robots_query(asked.target);
  if (!query) {
    done(make_problem(query.error(), address));
    return nullptr;
  }
  if (query->name) {
    list_one_robot(query.value(), address, context, std::move(done));
    return nullptr;
  }
  list_plan<named_robot> plan;
  plan.target = address;
  plan.rows =
      context.engine.robots(context.io, *context.who, query->after, rows_to_ask(query->limit));
  plan.writer = make_robot_writer();
  plan.content_type = json_type;
  plan.limit = query->limit;
  plan.next_link = [target = std::move(asked.target)](const named_robot& last) {
    return next_page(target, last.name);
  };
  return start_list(std::move(plan), context.memory, std::move(done));
}

std::shared_ptr<rest_operation> show_robot(routed_request asked, rest_context context,
                                           answer_callback done) {
  const std::string_view address = asked.request.target;
  const auto name = robot_of(asked.target);
  auto permitted = name ? permit(name.value(), context) : std::nullopt;
  if (!permitted) {
    done(name ? unknown_robot(address) : make_problem(name.error(), address));
    return nullptr;
  }
  context.engine.robot(context.io, std::move(*permitted),
                       [name = name.value(), path = std::string(address),
                        done = std::move(done)](const result<std::optional<robot_state>>& state) {
                         done(state ? robot_answer(state.value(), name, path)
                                    : make_problem(state.error(), path));
                       });
  return nullptr;
}

std::shared_ptr<rest_operation> list_events(routed_request asked, rest_context context,
                                            answer_callback done) {
  const std::string_view address = asked.request.target;
  const auto name = robot_of(asked.target);
  const auto query = name ? read_events_query(asked.request, asked.target) : name.error();
  if (!query) {
    done(make_problem(query.error(), address));
    return nullptr;
  }
  const auto [range, limit, format, safe] = query.value();
  auto permitted = permit(name.value(), context);
  list_plan<event_row> plan;
  plan.target = address;
  plan.rows = permitted && range.from <= range.to
                  ? context.engine.events(context.io, std::move(*permitted), range.from, range.to,
                                          rows_to_ask(limit))
                  : no_events(context);
  plan.writer = safe ? make_safe_csv_writer(name.value()) : make_event_writer(format, name.value());
  plan.content_type = content_type(format);
  plan.headers = "Vary: Accept, Accept-Encoding\r\n";
  plan.limit = limit;
  plan.next_link = [target = std::move(asked.target)](const event_row& last) {
    return next_page(target, std::to_string(last.timestamp));
  };
  return start_list(std::move(plan), context.memory, std::move(done));
}

std::shared_ptr<rest_operation> measure_robot(routed_request asked, rest_context context,
                                              answer_callback done) {
  const std::string_view address = asked.request.target;
  const auto name = robot_of(asked.target);
  const auto range = name ? range_parameters(asked.target) : name.error();
  auto permitted = range ? permit(name.value(), context) : std::nullopt;
  if (!permitted) {
    done(range ? odometer_answer(0, name.value()) : make_problem(range.error(), address));
    return nullptr;
  }
  context.engine.odometer(context.io, std::move(*permitted), range->from, range->to,
                          [name = name.value(), path = std::string(address),
                           done = std::move(done)](const result<double>& length) {
                            done(length ? odometer_answer(length.value(), name)
                                        : make_problem(length.error(), path));
                          });
  return nullptr;
}

} // namespace telemetry::net
