#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace telemetry::net {

/// One step through the frames that a client sends (RFC 6455, section 5.2).
struct frame_item {
  enum class kind : std::uint8_t {
    incomplete, ///< more bytes are needed; offer the same bytes again, followed by the next ones
    ping,       ///< a whole, legal ping
    pong,       ///< a whole, legal pong
    nothing,    ///< an empty fragment inside a message; drop it
    part,       ///< a data frame or a part of it; a reader gets `payload` bytes from it
    last,       ///< a close frame, or bytes that break the protocol; a reader fails on them
  };
  kind what = kind::incomplete;
  std::size_t size = 0;      ///< bytes of the item
  std::size_t payload = 0;   ///< bytes at its end that are (masked) payload
  bool ends_message = false; ///< whether a `part` contains the end of a message
};

/// Finds the bytes that a reader can take without waiting, by the frame headers only (ADR 0020).
///
/// It checks only as much of the protocol as it needs, and is never stricter than Beast. A `part`
/// may still break the protocol. Then the reader fails before its end.
class frame_scanner {
public:
  /// Largest size of an incomplete item, in bytes: a control frame without its last byte.
  static constexpr std::size_t incomplete_max = 2 + 4 + 125 - 1;

  /// The item at the front of `bytes`. Call next() with the bytes after the item, or, if it is
  /// `incomplete`, with the same bytes and more. Never call it after `last`.
  [[nodiscard]] frame_item next(std::span<const std::uint8_t> bytes) noexcept;

  /// Whether the bytes so far end between two messages (control frames aside).
  [[nodiscard]] bool is_between_messages() const noexcept {
    return payload_left_ == 0 && !in_message_;
  }

private:
  struct header;
  [[nodiscard]] bool is_legal(const header& frame) const noexcept;
  [[nodiscard]] frame_item data(const header& frame, std::size_t available) noexcept;

  std::uint64_t payload_left_ = 0; ///< bytes of the current data frame that are still to come
  bool is_final_ = true;           ///< whether that frame ends its message
  bool in_message_ = false;        ///< whether a fragmented message has begun
};

} // namespace telemetry::net
