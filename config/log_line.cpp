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

/// The code point at the front of `utf8` if a terminal may obey it instead of showing it: DEL, the
/// C1 controls, line and paragraph separators, and marks that change the direction of text.
/// Otherwise 0.
/// @param size is set to the size of the code point in bytes, if the result is not 0.
unsigned terminal_control(std::string_view utf8, std::size_t& size) {
  const auto byte = [utf8](std::size_t i) {
    return i < utf8.size() ? static_cast<unsigned char>(utf8[i]) : 0U;
  };
  if (byte(0) == 0x7f) {
    size = 1;
    return 0x7f;
  }
  if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) <= 0x9f) {
    size = 2;
    return byte(1);
  }
  if (byte(0) != 0xe2 || (byte(1) != 0x80 && byte(1) != 0x81))
    return 0;
  size = 3;
  const unsigned code_point = 0x2000U + ((byte(1) & 0x3fU) << 6U) + (byte(2) & 0x3fU);
  const bool is_control = (code_point >= 0x2028 && code_point <= 0x202e) ||
                          (code_point >= 0x2066 && code_point <= 0x2069);
  return is_control ? code_point : 0;
}

/// `text` in double quotes, with JSON's escapes. Also escapes the control characters that JSON
/// allows raw. Bytes that are not UTF-8 become U+FFFD.
std::string quoted(std::string_view text) {
  const std::string plain = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  std::string escaped;
  escaped.reserve(plain.size());
  for (std::string_view rest = plain; !rest.empty();) {
    std::size_t size = 1;
    if (const unsigned code_point = terminal_control(rest, size)) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", code_point);
      escaped += escape.data();
    } else {
      size = 1;
      escaped += rest.front();
    }
    rest.remove_prefix(size);
  }
  return escaped;
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
