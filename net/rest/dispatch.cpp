#include "net/rest/dispatch.hpp"

#include "net/rest/compressed_answer.hpp"
#include "net/rest/problem.hpp"
#include "net/rest/router.hpp"

#include <string>

namespace telemetry::net {
namespace {

std::string allow_line(method_set methods) {
  return std::string("Allow: ").append(allow_list(methods)).append("\r\n");
}

http_answer allow_answer(method_set methods) {
  http_answer answer;
  answer.status = 204;
  answer.headers = allow_line(methods);
  return answer;
}

http_answer refuse_address(const http_request& request, const http_target& target) {
  std::string detail = "nothing is at this address";
  if (const auto meant = address_meant(target))
    detail.append("; the right one is ").append(*meant);
  else if (target.path.size() == 1 && target.path[0].empty())
    detail.append("; try ").append(list_of_addresses());
  return make_problem(404, request.target, detail);
}

http_answer refuse_method(const http_request& request, method_set methods) {
  http_answer answer =
      make_problem(405, request.target, std::string("this address answers ") + allow_list(methods));
  answer.headers += allow_line(methods);
  return answer;
}

/// 401. All reasons get the same answer, because a reason helps to guess.
http_answer ask_for_key(std::string_view target, refusal why) {
  const bool was_shown = why != refusal::none;
  http_answer answer = make_problem(
      401, target,
      was_shown ? "the key is not valid" : "this address needs a key: Authorization: Bearer <key>");
  answer.headers += "WWW-Authenticate: Bearer realm=\"telemetryd\"";
  answer.headers += was_shown ? ", error=\"invalid_token\"\r\n" : "\r\n";
  return answer;
}

http_answer refuse_scope(const http_request& request, scope needed) {
  const std::string name(access::name_of(needed)); // RFC 6750, 3
  http_answer answer = make_problem(403, request.target, "the key lacks the scope " + name);
  answer.headers += "WWW-Authenticate: Bearer realm=\"telemetryd\", error=\"insufficient_scope\", "
                    "scope=\"" +
                    name + "\"\r\n";
  return answer;
}

/// Faults of how a key is shown.
std::optional<http_answer> judge_credentials(const http_request& request,
                                             const http_target& target) {
  if (request.authorization_lines > 1)
    return make_problem(400, request.target, "the request must have one Authorization header");
  for (const auto& [key, value] : target.query)
    if (key == "access_token")
      return make_problem(400, request.target,
                          "a key in an address ends up in logs: revoke it, make another, and send "
                          "it as Authorization: Bearer <key>");
  return std::nullopt;
}

caller_ptr local_or_identified(const http_request& request, const identification& from,
                               callers::identity& found) {
  if (from.local && request.authorization_lines == 0)
    return from.local;
  found = from.known.identify(request.authorization, wall_now());
  return found.who;
}

/// Identifies the caller and checks its right.
std::optional<http_answer> judge_caller(const http_request& request, const identification& from,
                                        rest_route& route, std::optional<access_refusal>* refused) {
  const scope needed = route.row->right;
  if (from.known.asks_for_keys())
    if (auto fault = judge_credentials(request, route.target))
      return fault;
  callers::identity found;
  route.who = local_or_identified(request, from, found);
  if (route.who && route.who->may.include(needed))
    return std::nullopt;
  if (needed == scope::none)
    return std::nullopt;
  const auto why = route.who ? refusal::scope : found.why;
  if (refused != nullptr)
    *refused =
        access_refusal{why, route.who ? route.who->key_id() : found.key_id, route.row->pattern};
  return route.who ? refuse_scope(request, needed) : ask_for_key(request.target, why);
}

} // namespace

std::optional<http_answer> find_route(const http_request& request, const identification& from,
                                      rest_route& route, std::optional<access_refusal>* refused) {
  if (request.method == http_method::options && request.target == "*")
    return allow_answer(methods_anywhere());
  auto target = parse_target(request.target);
  if (!target)
    return make_problem(target.error(), request.target);
  if (request.method == http_method::options) // of any address: HAProxy checks with OPTIONS /
    return allow_answer(methods_at(*target));
  const auto* const row = find_row(*target, request.method);
  if (row == nullptr) {
    const method_set methods = methods_at(*target);
    return methods.empty() ? refuse_address(request, *target) : refuse_method(request, methods);
  }
  const bool is_upstream = row->pattern == upstream_pattern;
  route = {std::move(target).value(), is_upstream ? endpoint::upstream : endpoint::rest, row, {}};
  if (auto answer = judge_caller(request, from, route, refused))
    return answer;
  return row->judge == nullptr ? std::nullopt : row->judge(request);
}

http_answer answer_ended_right(std::string_view target) {
  return ask_for_key(target, refusal::revoked);
}

std::shared_ptr<rest_operation> answer_request(http_request request, rest_route route,
                                               rest_context context, answer_callback done) {
  auto finish = [accept = std::string(request.accept_encoding), &memory = context.memory,
                 done = std::move(done)](http_answer answer) {
    compress(answer, accept, memory);
    done(std::move(answer));
  };
  return route.row->handler({std::move(request), std::move(route.target)}, std::move(context),
                            std::move(finish));
}

} // namespace telemetry::net
