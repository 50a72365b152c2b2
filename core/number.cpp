#include "core/number.hpp"

#include <cassert>
#include <charconv>
#include <cmath>
#include <string_view>

namespace telemetry {

void append_double(std::string& out, double value) {
  assert(std::isfinite(value));
  char buffer[32]; // the longest is 24: -2.2250738585072014e-308
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  const std::string_view digits(buffer, static_cast<std::size_t>(end - buffer));
  out.append(digits);
  if (digits.find_first_of(".e") == std::string_view::npos) {
    out.append(".0");
  }
}

void append_integer(std::string& out, std::int64_t value) {
  char buffer[20]; // -9223372036854775808
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

} // namespace telemetry
