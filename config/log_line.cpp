#include "config/log_line.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <type_traits>

namespace telemetry::log {
namespace {

using nlohmann::json;
using time_point = std::chrono::system_clock::time_point;

std::string timestamp(time_point when) {
  const auto second = std::chrono::floor<std::chrono::seconds>(when);
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(when - second).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(second);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 40> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ", static_cast<int>(millis));
  return text.data();
}

/// `text` in double quotes with JSON's escapes; bytes that are not UTF-8 become U+FFFD.
std::string quoted(std::string_view text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Whether logfmt can show `text` without quotes.
bool is_bare(std::string_view text) {
  const auto is_safe = [](unsigned char c) { return c > ' ' && c < 0x7f && c != '"' && c != '='; };
  return !text.empty() && std::ranges::all_of(text, is_safe) && !text.starts_with('\\');
}

std::string value_text(const field& one, format how) {
  return std::visit(
      [how](const auto& value) -> std::string {
        using type = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<type, std::string_view>)
          return how == format::logfmt && is_bare(value) ? std::string(value) : quoted(value);
        else
          return json(value).dump();
      },
      one.value);
}

} // namespace

std::string_view to_string(level importance) noexcept {
  switch (importance) {
  case level::debug:
    return "debug";
  case level::info:
    return "info";
  case level::warn:
    return "warn";
  case level::error:
    return "error";
  }
  return "error";
}

std::string encode(format how, level importance, time_point when, std::string_view message,
                   fields what) {
  const bool is_json = how == format::json;
  std::string line = is_json ? R"({"time":")" : "time=";
  line.append(timestamp(when)).append(is_json ? R"(","level":")" : " level=");
  line.append(to_string(importance)).append(is_json ? R"(","msg":)" : " msg=");
  line += quoted(message);
  for (const field& one : what) {
    line += is_json ? ',' : ' ';
    line += is_json ? quoted(one.key) : std::string(one.key);
    line += is_json ? ':' : '=';
    line += value_text(one, how);
  }
  if (is_json)
    line += '}';
  return line;
}

} // namespace telemetry::log
