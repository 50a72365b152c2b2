#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

/// Structured log lines, logfmt or JSON, to stderr. Thread-safe; never blocks the caller (a full
/// queue drops the oldest lines and says so). Before start() lines are written synchronously.
namespace telemetry::log {

enum class level { debug, info, warn, error };
enum class format { logfmt, json };

/// A key and its value; keys are snake_case with the unit last.
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

/// Starts the log; may be called again to change level and format (tests).
void start(level least, format how);
/// Writes everything that is queued and returns; gives up after 2 s if nobody reads stderr.
/// Blocks. Called before exit.
void flush();

void debug(std::string_view message, fields what = {});
void info(std::string_view message, fields what = {});
void warn(std::string_view message, fields what = {});
void error(std::string_view message, fields what = {});

} // namespace telemetry::log
