#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace telemetry::net {

/// One step through the frames that a client sends (RFC 6455, section 5.2).
struct frame_item {
  enum class kind : std::uint8_t {
    incomplete, ///< needs more bytes: keep these and offer them again in front of what comes
    ping,       ///< a whole, legal ping
    pong,       ///< a whole, legal pong
    nothing,    ///< an empty fragment in the middle of a message: carries nothing, drop it
    part,       ///< (part of) a data frame; a reader gets `payload` bytes out of it
    last,       ///< a close frame, or bytes that break the protocol: a reader fails on them
  };
  kind what = kind::incomplete;
  std::size_t size = 0;      ///< bytes that the item takes off the front
  std::size_t payload = 0;   ///< bytes at its end that are (masked) payload
  bool ends_message = false; ///< a part: it holds the end of a message
};

/// Finds out how far a reader that must not wait can read, without reading the payload.
///
/// It judges legality only as far as that needs, and never more strictly than Beast: what a `part`
/// contains may still break the protocol, and then the reader fails earlier than expected.
class frame_scanner {
public:
  /// Most bytes that an incomplete item consists of: a control frame that lacks its last byte.
  static constexpr std::size_t incomplete_max = 2 + 4 + 125 - 1;

  /// The item at the front of `bytes`. The next call gets what stands behind it (or, after
  /// `incomplete`, the same bytes and more). Not to be called after `last`.
  [[nodiscard]] frame_item next(std::span<const std::uint8_t> bytes) noexcept;

  /// Whether no data frame is open, nor a message of several.
  [[nodiscard]] bool is_between_messages() const noexcept {
    return payload_left_ == 0 && !in_message_;
  }

private:
  struct header;
  [[nodiscard]] bool is_legal(const header& frame) const noexcept;
  [[nodiscard]] frame_item data(const header& frame, std::size_t available) noexcept;

  std::uint64_t payload_left_ = 0; ///< of the data frame that we are in
  bool is_final_ = true;           ///< that frame ends its message
  bool in_message_ = false;        ///< a fragmented message has begun
};

} // namespace telemetry::net
