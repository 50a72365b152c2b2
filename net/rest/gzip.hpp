#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;

namespace telemetry::net {

/// Compresses a text to gzip (RFC 1952), piece by piece.
class gzip_writer {
public:
  /// Bytes of memory of a writer (zconf.h: 2^(window + 2) + 2^(memory level + 9), plus zlib's
  /// state).
  static constexpr std::size_t memory_bytes = 72u << 10;

  /// Throws std::bad_alloc.
  gzip_writer();

  /// Appends all compressed bytes of `text`, so that a client can inflate each piece at once.
  /// @param last ends the text. No call may follow.
  void append(std::string_view text, bool last, std::string& out);

private:
  struct end {
    void operator()(z_stream_s* stream) const noexcept;
  };
  std::unique_ptr<z_stream_s, end> stream_;
};

/// Inflates a gzip body in steps, so that a large body does not delay the other sessions of its
/// thread. Several members in a row are one text (RFC 1952).
class gzip_reader {
public:
  enum class state {
    partial,   ///< advance() has to be called again
    whole,     ///< the text is complete
    malformed, ///< the input is not gzip, truncated or damaged
    too_large, ///< the text is longer than bytes_max
  };

  /// Throws std::bad_alloc.
  gzip_reader(std::string compressed, std::size_t bytes_max);
  gzip_reader(const gzip_reader&) = delete;
  gzip_reader& operator=(const gzip_reader&) = delete;
  ~gzip_reader();

  /// Reads or writes about `bytes`. Must not be called again after a state other than partial.
  state advance(std::size_t bytes);

  /// Never longer than bytes_max + 1.
  [[nodiscard]] std::string& text() noexcept { return text_; }

private:
  state advance_member(std::size_t bytes);

  std::string compressed_;
  std::string text_;
  std::size_t bytes_max_;
  std::unique_ptr<z_stream_s> stream_;
};

} // namespace telemetry::net
