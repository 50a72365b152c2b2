#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Most bytes of the line that begins a chunk, with its extensions and line end.
inline constexpr std::size_t chunk_line_bytes_max = 1u << 10;
/// Most bytes of all trailer lines of a body, with the empty line.
inline constexpr std::size_t trailer_bytes_max = 4u << 10;

/// Reads the body of a request from received bytes (RFC 9112, 6.2 and 7.1).
///
/// Chunk extensions and trailers are checked and dropped. Trailers must never become fields of the
/// request, because no code checks their meaning. (Beast 1.74 would add them.)
/// Thread-safety: none.
class http_body_reader {
public:
  enum class state {
    partial,          ///< more must be received
    whole,            ///< the body is in text()
    malformed,        ///< bad chunks or trailers
    too_large,        ///< more than bytes_max
    trailer_too_large ///< more than trailer_bytes_max
  };

  /// For a body of `length` bytes. @pre the caller has checked `length` against its limit
  static http_body_reader with_length(std::uint64_t length);
  /// For a chunked body of at most `bytes_max` bytes.
  static http_body_reader chunked(std::size_t bytes_max);

  /// Takes bytes of the body off the front of `received`. Offer the remaining bytes again in the
  /// next call, followed by later ones. While the state is partial, fewer than chunk_line_bytes_max
  /// or trailer_bytes_max bytes remain.
  /// @returns the number of bytes taken.
  std::size_t take(std::string_view received);

  [[nodiscard]] state status() const noexcept { return state_; }
  [[nodiscard]] std::string& text() noexcept { return text_; }

private:
  enum class part { data, data_end, chunk_line, trailer };

  void take_data(std::string_view& rest);
  void take_data_end(std::string_view& rest);
  /// Takes a line off `rest`. `line` gets it without its end. @returns false, and maybe sets
  /// state_, if there is no complete line, or the line is malformed or too long.
  bool take_line(std::string_view& rest, std::size_t bytes_max, state beyond,
                 std::string_view& line);
  void on_chunk_line(std::string_view line);
  void on_trailer_line(std::string_view line);

  state state_ = state::partial;
  part part_ = part::chunk_line;
  bool chunked_ = true;
  std::uint64_t left_ = 0; ///< bytes of the chunk, or of the body, that are still to come
  std::size_t bytes_max_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string text_;
};

} // namespace telemetry::net
