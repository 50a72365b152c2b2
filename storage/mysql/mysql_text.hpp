#pragma once

#include "core/number.hpp"

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace telemetry::mysql {

/// Bytes that become a binary string literal, such as names and payloads.
struct sql_bytes {
  std::string_view bytes;
};

/// Text of an SQL statement, made of trusted text and of values.
///
/// Text is added unchanged, integers in decimal, doubles in their shortest form, which the server
/// reads back bit-identical, and sql_bytes as a binary literal, which no character set changes
/// (docs/formats.md, "MySQL"). Literals need a session with backslash escapes, as mysql_session
/// opens it.
class sql_text {
public:
  template <class... Parts>
  explicit sql_text(const Parts&... parts) {
    add(parts...);
  }
  template <class... Parts>
  sql_text& add(const Parts&... parts) {
    (put(parts), ...);
    return *this;
  }
  [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  void clear() noexcept { text_.clear(); }

private:
  void put(std::string_view text) { text_ += text; }
  void put(char text) { text_ += text; }
  void put(double value) { append_double(text_, value); }
  template <std::integral Integer>
  void put(Integer value) {
    char buffer[20]; // 18446744073709551615, -9223372036854775808
    text_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  }
  void put(sql_bytes value) {
    text_ += "_binary'";
    for (const char c : value.bytes) {
      if (c == '\'' || c == '\\')
        text_ += '\\';
      text_ += c;
    }
    text_ += '\'';
  }

  std::string text_;
};

} // namespace telemetry::mysql
