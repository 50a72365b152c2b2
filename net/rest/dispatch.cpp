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

} // namespace

std::optional<http_answer> find_route(const http_request& request, rest_route& route) {
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
  route = {std::move(target).value(), is_upstream ? endpoint::upstream : endpoint::rest, row};
  return row->judge == nullptr ? std::nullopt : row->judge(request);
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
