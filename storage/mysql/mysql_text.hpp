#pragma once

#include "core/number.hpp"

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace telemetry::mysql {

/// Bytes that become a binary string literal: names, payloads.
struct sql_bytes {
  std::string_view bytes;
};

/// Text of an SQL statement, put together from trusted text and from values.
///
/// Text goes in as it is; integers in decimal; doubles by their shortest form, which the server
/// reads back bit-identical; sql_bytes as a literal that no character set touches. Literals are
/// right for sessions as mysql_session opens them: utf8mb4, backslash escapes on.
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
