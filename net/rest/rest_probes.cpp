#include "net/rest/rest_probes.hpp"

#include "core/number.hpp"
#include "net/rest/format_json.hpp"
#include "net/rest/problem.hpp"

namespace telemetry::net {
namespace {

http_answer json_answer(std::string body) {
  return {200, "application/json", {}, std::move(body), nullptr};
}

/// @param trouble damage because of which some robots cannot be served; it names robots.
/// @param warned conditions that an operator should mend
/// @param tells_all whether the caller may read them; otherwise their number is told
std::string ready_body(const std::optional<std::string>& trouble,
                       const std::vector<std::string>& warned, bool tells_all) {
  const auto count = warned.size() + (trouble && !tells_all ? 1 : 0);
  std::string body = "{";
  if (trouble && tells_all) {
    append_json_string(body += "\"detail\":", *trouble);
    body += ',';
  }
  body += "\"status\":\"ready\"";
  if (count > 0)
    append_integer(body += ",\"warnings\":", static_cast<std::int64_t>(count));
  for (std::size_t i = 0; tells_all && i < warned.size(); ++i)
    append_json_string(body += i == 0 ? ",\"warning_texts\":[" : ",", warned[i]);
  if (tells_all && !warned.empty())
    body += ']';
  return body += "}\n";
}

} // namespace

std::shared_ptr<rest_operation> answer_livez(routed_request, rest_context, answer_callback done) {
  done(json_answer("{\"status\":\"live\"}\n"));
  return nullptr;
}

std::shared_ptr<rest_operation> answer_readyz(routed_request asked, rest_context context,
                                              answer_callback done) {
  if (const auto reason = context.engine.not_ready())
    done(make_problem(503, asked.request.target, *reason));
  else
    done(json_answer(ready_body(context.engine.trouble(),
                                context.options.warned ? context.options.warned->all()
                                                       : std::vector<std::string>(),
                                context.who && context.who->may.include(scope::admin))));
  return nullptr;
}

std::shared_ptr<rest_operation> answer_version(routed_request, rest_context context,
                                               answer_callback done) {
  std::string body = "{\"api\":1,\"compiler\":";
  append_json_string(body, __VERSION__);
  body += ",\"name\":\"telemetryd\",\"version\":";
  append_json_string(body, context.options.version);
  done(json_answer(body += "}\n"));
  return nullptr;
}

std::shared_ptr<rest_operation> ask_for_upgrade(routed_request asked, rest_context,
                                                answer_callback done) {
  http_answer answer =
      make_problem(426, asked.request.target, "this address speaks WebSocket only");
  answer.headers += "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  done(std::move(answer));
  return nullptr;
}

} // namespace telemetry::net
