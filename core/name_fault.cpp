#include "core/name_fault.hpp"

#include "core/event.hpp"

#include <array>
#include <cstddef>

namespace telemetry::detail {
namespace {

constexpr std::string_view missing = "robot_name is missing";
constexpr std::string_view has_comma = "robot_name has a comma: too many fields";
constexpr std::string_view has_control = "robot_name has a control character";
constexpr std::string_view not_utf8 = "robot_name is not valid UTF-8";
constexpr std::string_view too_long = "robot_name is longer than 150 characters";

/// Well-formed byte sequences by their first byte (Unicode 15, table 3-7).
struct sequence {
  std::size_t length;       ///< in bytes
  unsigned char second_min; ///< bounds of the second byte; later ones are 80..BF
  unsigned char second_max;
};

constexpr sequence sequence_of(unsigned char first) noexcept {
  if (first >= 0xC2 && first <= 0xDF) {
    return {2, 0x80, 0xBF};
  }
  if (first == 0xE0) {
    return {3, 0xA0, 0xBF};
  } // no overlong forms
  if (first == 0xED) {
    return {3, 0x80, 0x9F};
  } // no surrogates
  if (first >= 0xE1 && first <= 0xEF) {
    return {3, 0x80, 0xBF};
  }
  if (first == 0xF0) {
    return {4, 0x90, 0xBF};
  } // no overlong forms
  if (first >= 0xF1 && first <= 0xF3) {
    return {4, 0x80, 0xBF};
  }
  if (first == 0xF4) {
    return {4, 0x80, 0x8F};
  } // up to U+10FFFF
  return {0, 0, 0};
}

/// Bytes of the multi-byte code point at the front of `text`; 0 if it is not well-formed.
std::size_t multibyte_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const sequence wanted = sequence_of(byte(0));
  if (wanted.length == 0 || text.size() < wanted.length) {
    return 0;
  }
  if (byte(1) < wanted.second_min || byte(1) > wanted.second_max) {
    return 0;
  }
  for (std::size_t i = 2; i < wanted.length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      return 0;
    }
  }
  return wanted.length;
}

/// Whether a byte is a legal code point by itself: printable ASCII without the comma.
constexpr auto is_plain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7F; ++c) {
    plain[c] = c != ',';
  }
  return plain;
}();

/// Length of the longest front of `text` that has plain bytes only.
std::size_t plain_length(std::string_view text) noexcept {
  std::size_t length = 0;
  while (length < text.size() && is_plain[static_cast<unsigned char>(text[length])]) {
    ++length;
  }
  return length;
}

} // namespace

std::string_view name_fault(std::string_view name) noexcept {
  if (name.empty()) {
    return missing;
  }
  std::size_t code_points = plain_length(name); // all of most names
  for (std::size_t i = code_points; i < name.size(); ++code_points) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (c < 0x20 || c == 0x7F) {
      return has_control;
    }
    if (c == ',') {
      return has_comma;
    }
    const std::size_t length = c < 0x80 ? 1 : multibyte_length(name.substr(i));
    if (length == 0) {
      return not_utf8;
    }
    i += length;
  }
  return code_points > name_code_points_max ? too_long : std::string_view{};
}

} // namespace telemetry::detail
