#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace telemetry::net {

/// Bytes of the line that begins a chunk, with its extensions and line end.
inline constexpr std::size_t chunk_line_bytes_max = 1u << 10;
/// Bytes of all trailer lines of a body, with the empty line.
inline constexpr std::size_t trailer_bytes_max = 4u << 10;

/// Takes the body of a request out of what a connection receives (RFC 9112, 6.2 and 7.1).
///
/// Chunk extensions and trailers are checked and dropped. Trailers must never become fields of the
/// request, because nothing judges them, and Beast 1.74 would add them.
class http_body_reader {
public:
  enum class state {
    partial,          ///< more must be received
    whole,            ///< the body is in text()
    malformed,        ///< bad chunks or trailers
    too_large,        ///< more than bytes_max
    trailer_too_large ///< more than trailer_bytes_max
  };

  /// A body of `length` bytes. @pre the caller has checked `length` against its limit
  static http_body_reader with_length(std::uint64_t length);
  static http_body_reader chunked(std::size_t bytes_max);

  /// Takes what belongs to the body off the front of `received`. The caller offers the rest again,
  /// with more behind it. The rest is bounded: while the state is partial, by chunk_line_bytes_max
  /// or trailer_bytes_max.
  /// @returns how many bytes were taken.
  std::size_t take(std::string_view received);

  [[nodiscard]] state status() const noexcept { return state_; }
  [[nodiscard]] std::string& text() noexcept { return text_; }

private:
  enum class part { data, data_end, chunk_line, trailer };

  void take_data(std::string_view& rest);
  void take_data_end(std::string_view& rest);
  /// Takes a line without its end. @returns false if none is whole, or one is malformed.
  bool take_line(std::string_view& rest, std::size_t bytes_max, state beyond,
                 std::string_view& line);
  void on_chunk_line(std::string_view line);
  void on_trailer_line(std::string_view line);

  state state_ = state::partial;
  part part_ = part::chunk_line;
  bool chunked_ = true;
  std::uint64_t left_ = 0; ///< bytes of the chunk, or of the body, that are not taken yet
  std::size_t bytes_max_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string text_;
};

} // namespace telemetry::net
