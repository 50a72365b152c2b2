#include "net/rest/body_events.hpp"

#include "net/rest/body_csv.hpp"
#include "net/rest/body_json.hpp"
#include "net/rest/format_media.hpp"

namespace telemetry::net {
namespace {

/// Reads a body line by line; a line that is no event is counted and left out.
class line_reader final : public body_reader {
public:
  line_reader(body_format format, std::string body)
      : format_(format), body_(std::move(body)), rest_(body_) {
    if (format == body_format::csv)
      take_header();
  }

  result<bool> advance(std::size_t bytes) override {
    if (refusal_)
      return *refusal_;
    const std::size_t left = rest_.size();
    while (!rest_.empty() && left - rest_.size() < bytes)
      read(take_line());
    return rest_.empty();
  }

  parsed_body take() override { return std::move(parsed_); }

private:
  /// Takes the first line if it is a header; one that lacks a column refuses the body.
  void take_header() {
    const std::string_view body = rest_;
    const auto header = csv_columns::from_header(take_line());
    if (!header) {
      refusal_ = header.error();
    } else if (header.value()) {
      columns_ = *header.value();
    } else {
      rest_ = body;
      line_no_ = 0;
    }
  }

  /// Takes a line off the front of the rest, without its line end.
  std::string_view take_line() {
    const std::size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (!line.empty() && line.back() == '\r')
      line.remove_suffix(1);
    ++line_no_;
    return line;
  }

  void read(std::string_view line) {
    auto event = format_ == body_format::csv ? columns_.read(line) : parse_json_event(line);
    if (event) {
      parsed_.events.push_back(std::move(event).value());
      parsed_.lines.push_back(line_no_);
      return;
    }
    ++parsed_.invalid;
    if (parsed_.errors.size() < listed_errors_max)
      parsed_.errors.push_back({line_no_, event.error().text});
  }

  const body_format format_;
  const std::string body_;
  std::string_view rest_;
  std::uint32_t line_no_ = 0;
  csv_columns columns_;
  std::optional<failure> refusal_; ///< of the body as a whole
  parsed_body parsed_;
};

} // namespace

std::optional<body_format> find_body_format(std::string_view media_type) noexcept {
  const std::string_view type = essence(media_type);
  if (equals_ignoring_case(type, "text/csv"))
    return body_format::csv;
  if (equals_ignoring_case(type, "application/json"))
    return body_format::json;
  if (equals_ignoring_case(type, "application/x-ndjson"))
    return body_format::ndjson;
  return std::nullopt;
}

std::unique_ptr<body_reader> make_body_reader(body_format format, std::string body) {
  // Windows programs write a byte order mark. No format has a use for it, so it is skipped here.
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (body.starts_with(byte_order_mark))
    body.erase(0, byte_order_mark.size());
  if (format == body_format::json)
    return make_json_array_reader(std::move(body));
  return std::make_unique<line_reader>(format, std::move(body));
}

} // namespace telemetry::net
