#include "net/rest/rest_ingest.hpp"

#include "core/number.hpp"
#include "net/rest/format_json.hpp"
#include "net/rest/format_media.hpp"
#include "net/rest/gzip.hpp"
#include "net/rest/problem.hpp"

#include <algorithm>

namespace telemetry::net {
namespace {

/// Bytes of a body that are read in one turn of the I/O thread. They take about a millisecond.
constexpr std::size_t step_bytes = 64u << 10;

class ingest_operation final : public rest_operation,
                               public std::enable_shared_from_this<ingest_operation> {
public:
  ingest_operation(std::string target, body_format format, rest_context context,
                   answer_callback done)
      : target_(std::move(target)), format_(format), context_(std::move(context)),
        done_(std::move(done)), loan_(context_.memory) {}

  void start(std::string body, body_coding coding) {
    if (coding == body_coding::identity)
      return start_reading(std::move(body));
    inflater_.emplace(std::move(body), context_.options.body_bytes_max);
    inflate();
  }

private:
  void inflate() {
    const auto state = inflater_->advance(step_bytes);
    if (!loan_.raise_to(body_memory_factor * inflater_->text().size()))
      return refuse(503, "too many large bodies are being read");
    switch (state) {
    case gzip_reader::state::partial:
      return go_on_later(&ingest_operation::inflate);
    case gzip_reader::state::malformed:
      return refuse(400, "the body is no gzip, or it is damaged or cut");
    case gzip_reader::state::too_large:
      return refuse(413, "the body, inflated, is larger than ingest.max_body");
    case gzip_reader::state::whole:
      std::string body = std::move(inflater_->text());
      inflater_.reset();
      return start_reading(std::move(body));
    }
  }

  void start_reading(std::string body) {
    reader_ = make_body_reader(format_, std::move(body), context_.options.message_bytes_max);
    read();
  }

  void read() {
    const auto all_read = reader_->advance(step_bytes);
    if (!all_read)
      return done_(make_problem(all_read.error(), target_));
    is_all_read_ = all_read.value();
    if (is_all_read_ || reader_->is_full())
      return submit();
    go_on_later(&ingest_operation::read);
  }

  void go_on_later(void (ingest_operation::*step)()) {
    context_.io.post([weak = weak_from_this(), step] {
      if (const auto self = weak.lock())
        ((*self).*step)();
    });
  }

  void refuse(int status, std::string_view detail) {
    inflater_.reset();
    loan_.give_back();
    done_(make_problem(status, target_, detail));
  }

  void submit() {
    part_ = reader_->take();
    if (is_all_read_)
      reader_.reset();
    if (part_.events.empty())
      return add(ingest_outcome{});
    context_.engine.ingest(context_.io, context_.who, std::exchange(part_.events, {}),
                           [weak = weak_from_this()](const result<ingest_outcome>& outcome) {
                             if (const auto self = weak.lock())
                               self->on_outcome(outcome);
                           });
  }

  void on_outcome(const result<ingest_outcome>& outcome) {
    if (outcome)
      add(outcome.value());
    else
      done_(make_problem(outcome.error(), target_));
  }

  void add(const ingest_outcome& outcome) {
    summary_.add(part_, outcome);
    if (is_all_read_)
      done_({200, "application/json", {}, summary_.text(), nullptr});
    else
      go_on_later(&ingest_operation::read);
  }

  const std::string target_;
  const body_format format_;
  const rest_context context_;
  answer_callback done_;
  request_loan loan_; ///< for the inflated body
  std::optional<gzip_reader> inflater_;
  std::unique_ptr<body_reader> reader_;
  parsed_body part_;         ///< that the engine has; its events are with the engine
  bool is_all_read_ = false; ///< part_ is the last one
  ingest_summary summary_;
};

constexpr std::string_view body_types = "text/csv, application/json, application/x-ndjson";

/// A hint for users of curl, which sends application/x-www-form-urlencoded by default.
constexpr std::string_view line_to_type = "; for a file of event lines: "
                                          "curl -H 'Content-Type: text/csv' --data-binary "
                                          "@events.csv http://<host>/api/events";

void append_count(std::string& out, std::string_view key, std::uint64_t count) {
  out.append(key);
  append_integer(out, static_cast<std::int64_t>(count));
}

} // namespace

std::optional<http_answer> judge_ingest(const http_request& request) {
  if (!find_coding(request.content_encoding)) {
    http_answer answer =
        make_problem(415, request.target, "the only Content-Encoding understood is gzip");
    answer.headers += "Accept-Encoding: gzip\r\n";
    return answer;
  }
  if (find_body_format(request.content_type))
    return std::nullopt;
  http_answer answer = make_problem(
      415, request.target,
      std::string("the Content-Type must be one of ").append(body_types).append(line_to_type));
  answer.headers.append("Accept-Post: ").append(body_types).append("\r\n");
  return answer;
}

void ingest_summary::add(const parsed_body& part, const ingest_outcome& outcome) {
  counts_.accepted += outcome.accepted;
  counts_.conflict += outcome.conflict;
  counts_.duplicate += outcome.duplicate;
  counts_.stale += outcome.stale;
  invalid_ += part.invalid + outcome.refused;
  errors_.insert(errors_.end(), part.errors.begin(), part.errors.end());
  for (const auto& refusal : outcome.refusals)
    errors_.push_back({part.lines.at(refusal.index), refusal.reason});
  std::stable_sort(errors_.begin(), errors_.end(),
                   [](const line_error& a, const line_error& b) { return a.line < b.line; });
  errors_.resize(std::min(errors_.size(), listed_errors_max));
}

std::string ingest_summary::text() const {
  std::string out;
  append_count(out, "{\"accepted\":", counts_.accepted);
  append_count(out, ",\"conflict\":", counts_.conflict);
  append_count(out, ",\"duplicate\":", counts_.duplicate);
  out += ",\"errors\":[";
  for (const line_error& error : errors_) {
    append_count(out, out.back() == '[' ? "{\"line\":" : ",{\"line\":", error.line);
    out += ",\"reason\":";
    append_json_string(out, error.reason);
    out += '}';
  }
  append_count(out, "],\"invalid\":", invalid_);
  append_count(out, ",\"stale\":", counts_.stale);
  return out += "}\n";
}

std::shared_ptr<rest_operation> ingest_body(routed_request asked, rest_context context,
                                            answer_callback done) {
  http_request& request = asked.request;
  const auto format = find_body_format(request.content_type);
  const auto coding = find_coding(request.content_encoding);
  if (!format || !coding) { // cannot happen, because judge_ingest() refuses such a request
    done(make_problem(415, request.target, "the body's format is not known"));
    return nullptr;
  }
  auto operation = std::make_shared<ingest_operation>(std::string(request.target), *format,
                                                      std::move(context), std::move(done));
  operation->start(std::move(request.body), *coding);
  return operation;
}

} // namespace telemetry::net
