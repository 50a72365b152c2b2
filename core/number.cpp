#include "core/number.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <string_view>

namespace telemetry {

void append_double(std::string& out, double value) {
  assert(std::isfinite(value));
  char buffer[32]; // the longest text has 24 bytes: -2.2250738585072014e-308
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  const std::string_view digits(buffer, static_cast<std::size_t>(end - buffer));
  out.append(digits);
  const auto is_mark = [](char c) { return c == '.' || c == 'e'; };
  if (std::none_of(digits.begin(), digits.end(), is_mark)) {
    out.append(".0");
  }
}

void append_integer(std::string& out, std::int64_t value) {
  char buffer[20]; // -9223372036854775808
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

} // namespace telemetry
