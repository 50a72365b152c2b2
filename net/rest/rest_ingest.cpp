#include "net/rest/rest_ingest.hpp"

#include "core/number.hpp"
#include "net/rest/format_json.hpp"
#include "net/rest/problem.hpp"

#include <algorithm>

namespace telemetry::net {
namespace {

/// Bytes of a body that are read in one turn of the I/O thread: about a millisecond.
constexpr std::size_t step_bytes = 64u << 10;

class ingest_operation final : public rest_operation,
                               public std::enable_shared_from_this<ingest_operation> {
public:
  ingest_operation(std::string target, std::unique_ptr<body_reader> reader,
                   session_context& context, answer_callback done)
      : target_(std::move(target)), reader_(std::move(reader)), context_(context),
        done_(std::move(done)) {}

  void step() {
    const auto all_read = reader_->advance(step_bytes);
    if (!all_read)
      return done_(make_problem(all_read.error(), target_));
    if (all_read.value())
      return submit();
    context_.io.post([weak = weak_from_this()] {
      if (const auto self = weak.lock())
        self->step();
    });
  }

private:
  void submit() {
    body_ = reader_->take();
    reader_.reset();
    if (body_.events.empty())
      return answer(ingest_outcome{});
    context_.rest.ingest(context_.io, std::exchange(body_.events, {}),
                         [weak = weak_from_this()](const result<ingest_outcome>& outcome) {
                           if (const auto self = weak.lock())
                             self->on_outcome(outcome);
                         });
  }

  void on_outcome(const result<ingest_outcome>& outcome) {
    if (outcome)
      answer(outcome.value());
    else
      done_(make_problem(outcome.error(), target_));
  }

  void answer(const ingest_outcome& outcome) {
    done_({200, "application/json", {}, format_ingest_answer(body_, outcome), nullptr});
  }

  const std::string target_;
  std::unique_ptr<body_reader> reader_;
  session_context& context_;
  answer_callback done_;
  parsed_body body_;
};

void append_count(std::string& out, std::string_view key, std::uint64_t count) {
  out.append(key);
  append_integer(out, static_cast<std::int64_t>(count));
}

} // namespace

std::string format_ingest_answer(const parsed_body& body, const ingest_outcome& outcome) {
  std::vector<line_error> errors = body.errors;
  for (const auto& refusal : outcome.refusals)
    errors.push_back({body.lines.at(refusal.index), refusal.reason});
  std::stable_sort(errors.begin(), errors.end(),
                   [](const line_error& a, const line_error& b) { return a.line < b.line; });
  errors.resize(std::min(errors.size(), listed_errors_max));
  std::string out;
  append_count(out, "{\"accepted\":", outcome.accepted);
  append_count(out, ",\"conflict\":", outcome.conflict);
  append_count(out, ",\"duplicate\":", outcome.duplicate);
  out += ",\"errors\":[";
  for (const line_error& error : errors) {
    append_count(out, out.back() == '[' ? "{\"line\":" : ",{\"line\":", error.line);
    out += ",\"reason\":";
    append_json_string(out, error.reason);
    out += '}';
  }
  append_count(out, "],\"invalid\":", body.invalid + outcome.refused);
  append_count(out, ",\"stale\":", outcome.stale);
  return out += "}\n";
}

std::shared_ptr<rest_operation> ingest_body(http_request request, session_context& context,
                                            answer_callback done) {
  const auto format = find_body_format(request.content_type);
  if (!format) {
    done(make_problem(415, request.target, "the body's format is not known"));
    return nullptr;
  }
  auto operation = std::make_shared<ingest_operation>(
      std::string(request.target), make_body_reader(*format, std::move(request.body)), context,
      std::move(done));
  operation->step();
  return operation;
}

} // namespace telemetry::net
