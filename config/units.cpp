#include "config/units.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <span>

namespace telemetry::config {
namespace {

struct scale {
  std::string_view suffix;
  std::uint64_t factor;
};

// In rising order, so that the last scale that divides a value is the largest.
constexpr std::array byte_scales{
    scale{"B", 1},
    scale{"KiB", std::uint64_t{1} << 10},
    scale{"MiB", std::uint64_t{1} << 20},
    scale{"GiB", std::uint64_t{1} << 30},
    scale{"TiB", std::uint64_t{1} << 40},
};
constexpr std::array time_scales{
    scale{"ms", 1},        scale{"s", 1'000},      scale{"min", 60'000},
    scale{"h", 3'600'000}, scale{"d", 86'400'000},
};

std::span<const scale> scales_of(unit in) {
  if (in == unit::bytes)
    return byte_scales;
  if (in == unit::milliseconds)
    return time_scales;
  return {};
}

std::string write_octal(std::uint64_t value) {
  constexpr std::size_t digits_min = 4;
  std::array<char, std::numeric_limits<std::uint64_t>::digits / 3 + 1> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 8).ptr;
  const std::string text(digits.data(), end);
  return std::string(digits_min - std::min(digits_min, text.size()), '0') + text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

} // namespace

std::optional<std::uint64_t> read_number(std::string_view text, unit in) {
  std::uint64_t number = 0;
  const int base = in == unit::octal ? 8 : 10;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{})
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.empty())
    return number;
  if (text.front() == ' ')
    text.remove_prefix(1);
  for (const scale& one : scales_of(in)) {
    if (!equal_ignoring_case(text, one.suffix))
      continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / one.factor)
      return std::nullopt;
    return number * one.factor;
  }
  return std::nullopt;
}

std::string write_number(std::uint64_t value, unit in) {
  if (in == unit::octal)
    return write_octal(value);
  scale best{"", 1};
  if (value != 0)
    for (const scale& one : scales_of(in))
      if (value % one.factor == 0)
        best = one;
  return std::to_string(value / best.factor).append(best.suffix);
}

} // namespace telemetry::config
