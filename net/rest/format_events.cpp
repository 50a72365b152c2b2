#include "net/rest/format_events.hpp"

#include "core/number.hpp"
#include "net/rest/format_json.hpp"

#include <algorithm>
#include <array>

namespace telemetry::net {
namespace {

/// The front of every event object of one robot, up to the timestamp.
std::string object_front(std::string_view robot) {
  std::string front = "{\"robot\":";
  append_json_string(front, robot);
  return front += ",\"timestamp\":";
}

void append_object(std::string& out, const std::string& front, const event_row& row) {
  out += front;
  append_integer(out, row.timestamp);
  out += ",\"x\":";
  append_double(out, row.at.x);
  out += ",\"y\":";
  append_double(out, row.at.y);
  out += '}';
}

class json_writer final : public row_writer<event_row> {
public:
  explicit json_writer(std::string_view robot) : front_(object_front(robot)) {}

  void append(std::span<const event_row> rows, std::string& out) override {
    for (const event_row& row : rows) {
      out += first_ ? '[' : ',';
      append_object(out, front_, row);
      first_ = false;
    }
  }
  void finish(std::string& out) override { out += first_ ? "[]\n" : "]\n"; }

private:
  std::string front_;
  bool first_ = true;
};

class ndjson_writer final : public row_writer<event_row> {
public:
  explicit ndjson_writer(std::string_view robot) : front_(object_front(robot)) {}

  void append(std::span<const event_row> rows, std::string& out) override {
    for (const event_row& row : rows) {
      append_object(out, front_, row);
      out += '\n';
    }
  }
  void finish(std::string&) override {}

private:
  std::string front_;
};

/// Whether a spreadsheet would run `field` as a formula. It does so if the field begins with one of
/// four signs, or with their wide forms, which Excel reads alike. Blanks before a sign are ignored.
bool is_formula(std::string_view field) noexcept {
  constexpr std::array<std::string_view, 8> beginnings{"=",      "+",      "-",      "@",
                                                       "\uff1d", "\uff0b", "\uff0d", "\uff20"};
  field.remove_prefix(std::min(field.find_first_not_of(' '), field.size()));
  return std::ranges::any_of(beginnings,
                             [&](std::string_view one) { return field.starts_with(one); });
}

/// RFC 4180: lines end in CR LF. A name with a quote is quoted and its quotes are doubled. A name
/// has no comma and no line end.
class csv_writer final : public row_writer<event_row> {
public:
  explicit csv_writer(std::string_view robot) : back_(",") {
    if (robot.find('"') == std::string_view::npos) {
      back_ += robot;
    } else {
      back_ += '"';
      for (const char c : robot)
        back_.append(c == '"' ? 2 : 1, c);
      back_ += '"';
    }
    back_ += "\r\n";
  }

  void append(std::span<const event_row> rows, std::string& out) override {
    head(out);
    for (const event_row& row : rows) {
      append_double(out, row.at.x);
      out += ',';
      append_double(out, row.at.y);
      out += ',';
      append_integer(out, row.timestamp);
      out += back_;
    }
  }
  void finish(std::string& out) override { head(out); }

private:
  void head(std::string& out) {
    if (!headed_)
      out += "x,y,timestamp,robot_name\r\n";
    headed_ = true;
  }

  std::string back_;
  bool headed_ = false;
};

/// RFC 7946, except that the coordinates are planar. The first row is kept until the second,
/// because one row makes a point and two make a line.
class geojson_writer final : public row_writer<event_row> {
public:
  explicit geojson_writer(std::string_view robot) : robot_(robot) {}

  void append(std::span<const event_row> rows, std::string& out) override {
    for (const event_row& row : rows) {
      if (count_ == 0) {
        first_ = row.at;
      } else {
        if (count_ == 1) {
          out += "{\"geometry\":{\"coordinates\":[";
          append_position(out, first_);
        }
        out += ',';
        append_position(out, row.at);
      }
      ++count_;
    }
  }

  void finish(std::string& out) override {
    if (count_ == 0) {
      out += "{\"geometry\":null";
    } else if (count_ == 1) {
      out += "{\"geometry\":{\"coordinates\":";
      append_position(out, first_);
      out += ",\"type\":\"Point\"}";
    } else {
      out += "],\"type\":\"LineString\"}";
    }
    out += ",\"properties\":{\"robot\":";
    append_json_string(out, robot_);
    out += "},\"type\":\"Feature\"}\n";
  }

private:
  static void append_position(std::string& out, const position& at) {
    out += '[';
    append_double(out, at.x);
    out += ',';
    append_double(out, at.y);
    out += ']';
  }

  std::string robot_;
  position first_{0, 0};
  std::size_t count_ = 0;
};

class robot_writer final : public row_writer<named_robot> {
public:
  void append(std::span<const named_robot> rows, std::string& out) override {
    out.reserve(out.size() + rows.size() * usual_bytes);
    for (const named_robot& row : rows) {
      out += first_ ? '[' : ',';
      append_json_robot(out, row.name, row.state);
      first_ = false;
    }
  }
  void finish(std::string& out) override { out += first_ ? "[]\n" : "]\n"; }

private:
  static constexpr std::size_t usual_bytes = 256; ///< size of a robot object with a short name

  bool first_ = true;
};

} // namespace

// A format of format_media.hpp without a case does not compile.
std::unique_ptr<row_writer<event_row>> make_event_writer(event_format format,
                                                         std::string_view robot) {
  switch (format) {
  case event_format::json:
    return std::make_unique<json_writer>(robot);
  case event_format::csv:
    return std::make_unique<csv_writer>(robot);
  case event_format::ndjson:
    return std::make_unique<ndjson_writer>(robot);
  case event_format::geojson:
    return std::make_unique<geojson_writer>(robot);
  }
  return nullptr;
}

std::unique_ptr<row_writer<event_row>> make_safe_csv_writer(std::string_view robot) {
  std::string name(is_formula(robot) ? "'" : "");
  return std::make_unique<csv_writer>(name += robot);
}

std::unique_ptr<row_writer<named_robot>> make_robot_writer() {
  return std::make_unique<robot_writer>();
}

} // namespace telemetry::net
