#include "net/rest/body_csv.hpp"

#include "core/line.hpp"
#include "net/rest/format_media.hpp"

#include <algorithm>
#include <string>

namespace telemetry::net {
namespace {

constexpr std::array<std::string_view, 4> field_names{"x", "y", "timestamp", "robot_name"};

failure malformed(std::string_view field, std::string_view what) {
  return {errc::malformed, std::string(field).append(what)};
}

/// Reads the fields of a CSV line, one after another, without their quotes.
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

  /// The field that next() read, valid until its next call. @pre next() returned step::field
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

/// Reads the fields of an event as parse_line() reads a line of them.
result<ingest_line> parse_fields(const std::array<std::string, 4>& fields) {
  for (const std::size_t field : {0u, 1u, 2u}) {
    if (fields[field].find(',') != std::string::npos) // it would shift the later fields
      return malformed(field_names[field], " has a comma");
  }
  std::string line = fields[0];
  for (const std::size_t field : {1u, 2u, 3u})
    line.append(",").append(fields[field]);
  return parse_plain_line(line);
}

std::string_view trim(std::string_view text) noexcept {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

bool begins_like_a_number(std::string_view text) noexcept {
  return !text.empty() && std::string_view("+-.0123456789").find(text.front()) != text.npos;
}

/// The field of an event, in wire order, that a column of this name holds.
std::optional<std::size_t> find_field(std::string_view name) noexcept {
  if (equals_ignoring_case(name, "robot"))
    return 3;
  for (std::size_t field = 0; field < field_names.size(); ++field)
    if (equals_ignoring_case(name, field_names[field]))
      return field;
  return std::nullopt;
}

} // namespace

result<std::optional<csv_columns>> csv_columns::from_header(std::string_view line) {
  constexpr std::size_t nowhere = std::string_view::npos;
  csv_columns found;
  found.has_header_ = true;
  found.column_of_.fill(nowhere);
  std::optional<std::size_t> repeated;
  std::size_t named = 0;
  bool has_number = false;
  bool has_gap = false;
  field_cursor cursor(line);
  std::size_t column = 0;
  for (auto step = cursor.next(); step != field_cursor::step::end; step = cursor.next()) {
    if (step != field_cursor::step::field)
      return std::optional<csv_columns>();
    const std::string_view name = trim(cursor.text());
    has_number = has_number || begins_like_a_number(name);
    has_gap = has_gap || name.empty();
    if (const auto field = find_field(name)) {
      ++named;
      if (found.column_of_[*field] != nowhere)
        repeated = field;
      found.column_of_[*field] = column;
    }
    ++column;
  }
  if ((named < 2 && has_number) || (named == 0 && (has_gap || column < 2)))
    return std::optional<csv_columns>();
  if (named == 0) // only a header has no numbers, so the words are names of other columns
    return malformed("the CSV header", " names none of x, y, timestamp, robot_name");
  found.columns_ = column;
  std::string missing;
  for (std::size_t field = 0; field < event_fields; ++field)
    if (found.column_of_[field] == nowhere)
      missing.append(missing.empty() ? "" : ", ").append(field_names[field]);
  if (repeated)
    return malformed("the CSV header names ", std::string(field_names[*repeated]) + " twice");
  if (!missing.empty())
    return malformed("the CSV header lacks ", missing);
  return std::optional(found);
}

result<ingest_line> csv_columns::read(std::string_view line) const {
  if (is_wire_order() && !has_quoted_field(line))
    return parse_plain_line(line);
  if (line.empty())
    return malformed("line", " is empty");
  std::array<std::string, event_fields> fields;
  field_cursor cursor(line);
  std::size_t column = 0;
  for (auto step = cursor.next(); step != field_cursor::step::end; step = cursor.next()) {
    if (column == columns_)
      return too_many_fields();
    const std::size_t field = field_of(column++);
    const std::string_view name = field < event_fields ? field_names[field] : "a field";
    if (step == field_cursor::step::no_closing_quote)
      return malformed(name, " has no closing quote");
    if (step == field_cursor::step::text_behind_quote)
      return malformed(name, " has text behind its closing quote");
    if (field < event_fields)
      fields[field] = cursor.text();
  }
  for (std::size_t field = 0; field < event_fields; ++field)
    if (column_of_[field] >= column)
      return malformed(field_names[field], " is missing");
  if (column < columns_) // the line may have been cut within its last field
    return malformed("the line", " has fewer fields than the header");
  return parse_fields(fields);
}

bool csv_columns::is_wire_order() const noexcept {
  return columns_ == event_fields && column_of_ == csv_columns().column_of_;
}

std::size_t csv_columns::field_of(std::size_t column) const noexcept {
  const auto found = std::find(column_of_.begin(), column_of_.end(), column);
  return static_cast<std::size_t>(found - column_of_.begin());
}

failure csv_columns::too_many_fields() const {
  return malformed("the line has more ", has_header_ ? "fields than the header" : "than 4 fields");
}

} // namespace telemetry::net
