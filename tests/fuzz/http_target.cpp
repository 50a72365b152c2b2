// A request without a body: method, target, Accept, Accept-Encoding (one line each). Whatever they
// are, there is one answer, its framing is sound, JSON is JSON, errors are problems, and a Link
// leads to a page of the same list.

#include "net/http_response_head.hpp"
#include "net/rest/dispatch.hpp"
#include "net/rest/gzip.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/integration/http_fake_api.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdlib>

namespace {

using namespace telemetry;
using fuzz::require;
using namespace telemetry::net;

/// Nothing here posts: only bodies are read in steps.
struct no_thread final : io_thread {
  void post(std::function<void()>) override { std::abort(); }
  std::size_t index() const noexcept override { return 0; }
};

struct server_side {
  server_side() {
    for (const char* name : {"a", "b c", "a/b", "\"", "\xc3\xa9"}) {
      engine.add_robot(name, 5);
    }
  }

  server_options options;
  fake_api engine;
  no_thread thread;
  request_budget memory;
  rest_context context{options, engine, thread, memory, anonymous()};
};

/// The whole body of an answer.
std::string read_all(http_answer& answer) {
  std::string body = std::move(answer.body);
  for (bool last = answer.more == nullptr; !last;) {
    answer.more->next([&](result<body_piece> piece) {
      require(piece.has_value());
      body += piece->text;
      last = piece->last;
    });
  }
  if (answer.headers.find("Content-Encoding: gzip") == std::string::npos) {
    return body;
  }
  require(body.size() > 18);
  gzip_reader reader(std::move(body), 1u << 20);
  require(reader.advance(2u << 20) == gzip_reader::state::whole);
  return std::move(reader.text());
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

http_answer ask(server_side& server, const http_request& request) {
  rest_route route{};
  if (auto answer = find_route(request, {*open_callers(), nullptr}, route)) {
    return std::move(*answer);
  }
  std::optional<http_answer> answer;
  http_request copy = request;
  const auto operation =
      answer_request(std::move(copy), std::move(route), server.context, [&](http_answer got) {
        require(!answer);
        answer = std::move(got);
      });
  require(answer.has_value());
  return std::move(*answer);
}

/// The head of an answer has no line but those that it should have.
void check_head(const http_answer& answer) {
  std::string head;
  append_head(head, answer, {});
  require(head.find("\r\n\r\n") == head.size() - 4);
  for (std::size_t i = 0; i < head.size(); ++i) {
    require(static_cast<unsigned char>(head[i]) < 0x7f);
    require(head[i] != '\n' || head[i - 1] == '\r');
    require(head[i] != '\r' || head[i + 1] == '\n');
  }
}

void check_problem(const http_answer& answer, const std::string& body) {
  require(answer.content_type == "application/problem+json");
  const auto problem = nlohmann::json::parse(body);
  require(problem.at("status") == answer.status && problem.dump() + "\n" == body);
}

void check_link(server_side& server, const http_request& request, const http_answer& answer) {
  const std::size_t begin = answer.headers.find("Link: <");
  if (begin == std::string::npos) {
    return;
  }
  const std::string reference =
      answer.headers.substr(begin + 7, answer.headers.find('>', begin) - begin - 7);
  require(reference.starts_with('?')); // relative to the request
  const std::string link =
      std::string(request.target.substr(0, request.target.find('?'))) + reference;
  http_request following;
  following.method = http_method::get;
  following.target = link;
  following.accept = request.accept;
  http_answer next = ask(server, std::move(following));
  require(next.status == 200 && next.content_type == answer.content_type);
  require(parse_target(link)->path == parse_target(request.target)->path);
  require(!read_all(next).empty());
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static server_side server;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view method = take_line(rest);
  http_request request;
  request.method = method == "O"   ? http_method::options
                   : method == "P" ? http_method::post
                   : method == "X" ? http_method::other
                                   : http_method::get;
  request.target = take_line(rest);
  request.accept = take_line(rest);
  request.accept_encoding = take_line(rest);
  http_answer answer = ask(server, request);
  check_head(answer);
  check_link(server, request, answer);
  const std::string body = read_all(answer);
  if (answer.status >= 400) {
    check_problem(answer, body);
  } else if (answer.content_type.find("json") != std::string_view::npos &&
             answer.content_type != "application/x-ndjson") {
    require(nlohmann::json::accept(body) && body.back() == '\n');
  }
  require(server.engine.open_streams <= 1); // the one of `answer`
  return 0;
}
