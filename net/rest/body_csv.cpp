#include "net/rest/body_csv.hpp"

#include "core/line.hpp"

#include <array>
#include <cstddef>
#include <string>

namespace telemetry::net {
namespace {

constexpr std::array<std::string_view, 4> column_names{"x", "y", "timestamp", "robot_name"};

failure malformed(std::string_view field, std::string_view what) {
  return {errc::malformed, std::string(field).append(what)};
}

/// Takes the fields of a CSV line one by one, unquoted.
class field_cursor {
public:
  enum class step { field, end, no_closing_quote, text_behind_quote };

  explicit field_cursor(std::string_view line) : rest_(line) {}

  step next() {
    if (at_end_)
      return step::end;
    if (rest_.starts_with('"'))
      return take_quoted();
    const std::size_t end = rest_.find(',');
    text_ = rest_.substr(0, end);
    at_end_ = end == std::string_view::npos;
    rest_.remove_prefix(at_end_ ? rest_.size() : end + 1);
    return step::field;
  }

  /// The field that next() took, valid until it is called again.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }

private:
  step take_quoted() {
    unquoted_.clear();
    while (true) {
      rest_.remove_prefix(1); // an opening quote, or the second one of a pair
      const std::size_t end = rest_.find('"');
      if (end == std::string_view::npos)
        return step::no_closing_quote;
      unquoted_ += rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      if (!rest_.starts_with('"'))
        break;
      unquoted_ += '"';
    }
    text_ = unquoted_;
    at_end_ = rest_.empty();
    if (at_end_)
      return step::field;
    if (rest_.front() != ',')
      return step::text_behind_quote;
    rest_.remove_prefix(1);
    return step::field;
  }

  std::string_view rest_;
  std::string_view text_;
  std::string unquoted_;
  bool at_end_ = false;
};

bool has_quoted_field(std::string_view line) noexcept {
  return line.starts_with('"') || line.find(",\"") != std::string_view::npos;
}

result<ingest_line> parse_plain_line(std::string_view line) {
  auto event = parse_line(line);
  if (!event)
    return event.error();
  return ingest_line{std::string(event->robot), event->at, event->timestamp};
}

/// Reads the fields of an event as parse_line() would, were they its line.
result<ingest_line> parse_fields(const std::array<std::string, 4>& fields) {
  for (const std::size_t column : {0u, 1u, 2u}) {
    if (fields[column].find(',') != std::string::npos) // it would shift the fields behind it
      return malformed(column_names[column], " has a comma");
  }
  std::string line = fields[0];
  for (const std::size_t column : {1u, 2u, 3u})
    line.append(",").append(fields[column]);
  return parse_plain_line(line);
}

} // namespace

result<ingest_line> parse_csv_line(std::string_view line) {
  if (!has_quoted_field(line))
    return parse_plain_line(line);
  std::array<std::string, 4> fields;
  field_cursor cursor(line);
  std::size_t count = 0;
  for (auto step = cursor.next(); step != field_cursor::step::end; step = cursor.next()) {
    if (count == fields.size())
      return malformed("", "the line has more than 4 fields");
    if (step == field_cursor::step::no_closing_quote)
      return malformed(column_names[count], " has no closing quote");
    if (step == field_cursor::step::text_behind_quote)
      return malformed(column_names[count], " has text behind its closing quote");
    fields[count++] = cursor.text();
  }
  if (count < fields.size())
    return malformed(column_names[count], " is missing");
  return parse_fields(fields);
}

} // namespace telemetry::net
