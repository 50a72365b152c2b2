#include "net/rest/body_events.hpp"

#include "net/rest/body_csv.hpp"
#include "net/rest/body_json.hpp"
#include "net/rest/format_media.hpp"

#include <algorithm>
#include <utility>

namespace telemetry::net {
namespace {

/// Reads a body line by line. Counts lines that are not events, and leaves them out.
class line_reader final : public body_reader {
public:
  line_reader(body_format format, std::string body, std::size_t line_bytes_max)
      : format_(format), line_bytes_max_(line_bytes_max), body_(std::move(body)), rest_(body_),
        part_events_(events_of_a_part(body_.size())) {
    if (format == body_format::csv)
      take_header();
  }

  result<bool> advance(std::size_t bytes) override {
    if (refusal_)
      return *refusal_;
    if (parsed_.events.capacity() == 0)
      make_room();
    const std::size_t left = rest_.size();
    const std::size_t line_end = line_no_ + step_lines_max;
    while (!rest_.empty() && left - rest_.size() < bytes && line_no_ < line_end && !is_full()) {
      if (is_too_long_)
        skip(bytes);
      else if (const auto line = take_line())
        read(*line);
      else
        begin_skip();
    }
    return rest_.empty();
  }

  bool is_full() const noexcept override { return parsed_.events.size() == part_events_; }

  parsed_body take() override { return std::exchange(parsed_, {}); }

private:
  /// An event and its line number take 60 bytes, or 92 with a name of 16 to 31 bytes. With the text
  /// itself that makes up at most body_memory_factor times the bytes of the body.
  static std::size_t events_of_a_part(std::size_t body_bytes) noexcept {
    constexpr std::size_t text_bytes_per_event = 32;
    constexpr std::size_t least = 64;
    return std::clamp(body_bytes / text_bytes_per_event, least, part_events_max);
  }

  void make_room() {
    const auto shortest = format_ == body_format::csv ? csv_event_bytes_min : json_event_bytes_min;
    parsed_.reserve(std::min(rest_.size(), shortest * (part_events_ - 1)), shortest);
  }

  /// Reads the first line if it is a header. Refuses the body if the header is wrong.
  void take_header() {
    const std::string_view body = rest_;
    const auto line = take_line();
    if (!line) // too long for a header
      return;
    const auto header = csv_columns::from_header(*line);
    if (!header) {
      refusal_ = header.error();
    } else if (header.value()) {
      columns_ = *header.value();
    } else {
      rest_ = body;
      line_no_ = 0;
    }
  }

  /// Removes a line from the front of the rest. @returns the line without its line end; nullopt if
  /// it is too long, and then does not remove it.
  std::optional<std::string_view> take_line() {
    constexpr std::size_t line_end_bytes = 2;
    const std::string_view near = rest_.substr(0, line_bytes_max_ + line_end_bytes);
    const std::size_t end = near.find('\n');
    std::string_view line = near.substr(0, end);
    if (!line.empty() && line.back() == '\r')
      line.remove_suffix(1);
    if (line.size() > line_bytes_max_)
      return std::nullopt;
    rest_.remove_prefix(end == std::string_view::npos ? near.size() : end + 1);
    ++line_no_;
    return line;
  }

  void begin_skip() {
    is_too_long_ = true;
    ++line_no_;
    refuse("the line is longer than ingest.max_message");
  }

  /// Searches at most `bytes` for the end of a line that is too long.
  void skip(std::size_t bytes) {
    const std::size_t end = rest_.substr(0, bytes).find('\n');
    is_too_long_ = end == std::string_view::npos;
    rest_.remove_prefix(is_too_long_ ? std::min(bytes, rest_.size()) : end + 1);
  }

  void read(std::string_view line) {
    auto event = format_ == body_format::csv ? columns_.read(line) : parse_json_event(line);
    if (event) {
      parsed_.events.push_back(std::move(event).value());
      parsed_.lines.push_back(line_no_);
      return;
    }
    refuse(event.error().text);
  }

  void refuse(std::string reason) {
    ++parsed_.invalid;
    if (parsed_.errors.size() < listed_errors_max)
      parsed_.errors.push_back({line_no_, std::move(reason)});
  }

  const body_format format_;
  const std::size_t line_bytes_max_;
  const std::string body_;
  std::string_view rest_;
  const std::size_t part_events_; ///< limit of a part
  std::uint32_t line_no_ = 0;
  bool is_too_long_ = false; ///< the end of a line that is too long has not been found yet
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

std::unique_ptr<body_reader> make_body_reader(body_format format, std::string body,
                                              std::size_t line_bytes_max) {
  // Windows programs write a byte order mark. No format has a use for it, so it is skipped here.
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (body.starts_with(byte_order_mark))
    body.erase(0, byte_order_mark.size());
  if (format == body_format::json)
    return make_json_array_reader(std::move(body), line_bytes_max);
  return std::make_unique<line_reader>(format, std::move(body), line_bytes_max);
}

} // namespace telemetry::net
