#include "net/frame_scanner.hpp"

#include <algorithm>

namespace telemetry::net {

namespace {

constexpr std::uint8_t op_continuation = 0x0;
constexpr std::uint8_t op_binary = 0x2;
constexpr std::uint8_t op_close = 0x8;
constexpr std::uint8_t op_ping = 0x9;
constexpr std::uint8_t op_pong = 0xa;

std::uint64_t big_endian(std::span<const std::uint8_t> bytes) noexcept {
  std::uint64_t value = 0;
  for (const auto byte : bytes)
    value = value << 8 | byte;
  return value;
}

} // namespace

struct frame_scanner::header {
  std::uint8_t opcode;
  bool is_final;
  bool is_masked;
  bool has_reserved_bits;
  bool is_length_canonical = true;
  std::size_t size;      ///< of the header, in bytes
  std::uint64_t payload; ///< length in bytes
  [[nodiscard]] bool is_control() const noexcept { return (opcode & 0x8) != 0; }

  /// @pre at least two bytes.
  explicit header(std::span<const std::uint8_t> bytes) noexcept
      : opcode(bytes[0] & 0x0f), is_final((bytes[0] & 0x80) != 0),
        is_masked((bytes[1] & 0x80) != 0), has_reserved_bits((bytes[0] & 0x70) != 0),
        payload(bytes[1] & 0x7f) {
    const std::size_t length_bytes = payload == 126 ? 2 : payload == 127 ? 8 : 0;
    size = 2 + length_bytes + (is_masked ? 4 : 0);
    if (length_bytes == 0 || bytes.size() < size)
      return;
    payload = big_endian(bytes.subspan(2, length_bytes));
    is_length_canonical = payload > (length_bytes == 2 ? 125u : 0xffffu);
  }
};

bool frame_scanner::is_legal(const header& frame) const noexcept {
  if (!frame.is_masked || frame.has_reserved_bits || !frame.is_length_canonical)
    return false;
  if (frame.is_control())
    return frame.opcode <= op_pong && frame.is_final && frame.payload <= 125;
  return frame.opcode <= op_binary && (frame.opcode == op_continuation) == in_message_;
}

frame_item frame_scanner::data(const header& frame, std::size_t available) noexcept {
  using kind = frame_item::kind;
  if (frame.payload > 0 && available == 0)
    return {}; // because a reader would wait for the first byte
  if (frame.payload == 0 && !frame.is_final && frame.opcode == op_continuation)
    return {.what = kind::nothing, .size = frame.size};
  const auto here = std::min<std::uint64_t>(available, frame.payload);
  in_message_ = !frame.is_final;
  is_final_ = frame.is_final;
  payload_left_ = frame.payload - here;
  return {.what = kind::part,
          .size = frame.size + here,
          .payload = here,
          .ends_message = is_final_ && payload_left_ == 0};
}

frame_item frame_scanner::next(std::span<const std::uint8_t> bytes) noexcept {
  using kind = frame_item::kind;
  if (payload_left_ > 0 && !bytes.empty()) {
    const auto here = std::min<std::uint64_t>(bytes.size(), payload_left_);
    payload_left_ -= here;
    return {.what = kind::part,
            .size = here,
            .payload = here,
            .ends_message = is_final_ && payload_left_ == 0};
  }
  if (bytes.size() < 2)
    return {};
  const header frame(bytes);
  if (bytes.size() < frame.size)
    return {};
  if (!is_legal(frame))
    return {.what = kind::last, .size = bytes.size()};
  if (!frame.is_control())
    return data(frame, bytes.size() - frame.size);
  const auto whole = frame.size + frame.payload;
  if (bytes.size() < whole)
    return {};
  const auto what = frame.opcode == op_close  ? kind::last
                    : frame.opcode == op_ping ? kind::ping
                                              : kind::pong;
  return {.what = what, .size = whole, .payload = frame.payload};
}

} // namespace telemetry::net
