#pragma once

#include <cstddef>
#include <string_view>

namespace telemetry::net {

/// Most bytes of a request head, from the request line to the empty line.
inline constexpr std::size_t head_bytes_max = 16u << 10;
/// Most field lines of a request head.
inline constexpr std::size_t head_fields_max = 128;

/// Finds the end of a request head in received bytes.
///
/// Beast 1.74 counts only the bytes that it has not parsed yet, so its own limit does not bound a
/// head that arrives in pieces. Therefore the session collects a head with this scanner and gives
/// Beast complete heads only. Each byte is scanned once, however small the pieces are.
class head_scanner {
public:
  enum class state {
    partial,   ///< more must be received
    whole,     ///< the head is the first bytes() of what was received
    too_large, ///< more than head_bytes_max or head_fields_max
    malformed, ///< does not begin with a method
  };

  /// @param received all bytes since the begin of the head: those of the last call, and later ones.
  /// @pre no empty line comes before the head
  [[nodiscard]] state scan(std::string_view received) noexcept;

  /// Bytes of the head with its empty line. @pre the last scan() returned whole
  [[nodiscard]] std::size_t bytes() const noexcept { return line_; }

private:
  std::size_t line_ = 0;    ///< offset of the current line
  std::size_t scanned_ = 0; ///< offset at which the search for its end continues
  std::size_t fields_ = 0;  ///< field lines so far
};

} // namespace telemetry::net
