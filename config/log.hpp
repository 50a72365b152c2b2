#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

/// Writes structured log lines, as logfmt or JSON, to stderr (ADR 0041). Thread-safe. After start()
/// the functions never wait for stderr: a full queue drops its oldest lines, and a later line tells
/// how many. Before start() lines are written synchronously.
namespace telemetry::log {

enum class level { debug, info, warn, error };
enum class format { logfmt, json };

/// A key and its value. Keys are snake_case with the unit last.
struct field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

  field(std::string_view k, std::string_view v) : key(k), value(v) {}
  field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  field(std::string_view k, bool v) : key(k), value(v) {}
  field(std::string_view k, double v) : key(k), value(v) {}
  field(std::string_view k, int v) : key(k), value(std::int64_t{v}) {}
  field(std::string_view k, unsigned v) : key(k), value(std::uint64_t{v}) {}
  field(std::string_view k, long v) : key(k), value(std::int64_t{v}) {}
  field(std::string_view k, unsigned long v) : key(k), value(std::uint64_t{v}) {}
};

using fields = std::initializer_list<field>;

/// Starts asynchronous logging of lines at level `least` or above. Tests call it again to change
/// level and format.
void start(level least, format how);
/// Writes all queued lines. Blocks for at most 2 s if stderr is not read. Call it before exit.
void flush();

void debug(std::string_view message, fields what = {});
void info(std::string_view message, fields what = {});
void warn(std::string_view message, fields what = {});
void error(std::string_view message, fields what = {});

} // namespace telemetry::log
