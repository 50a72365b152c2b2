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
  /// Bytes that one takes while it lives (zconf.h: 2^(window + 2) + 2^(memory level + 9), and
  /// zlib's own state).
  static constexpr std::size_t memory_bytes = 72u << 10;

  /// Throws std::bad_alloc.
  gzip_writer();

  /// Appends to `out` all that `text` becomes, so that a reader can inflate every piece at once.
  /// @param last ends the text. No call may follow.
  void append(std::string_view text, bool last, std::string& out);

private:
  struct end {
    void operator()(z_stream_s* stream) const noexcept;
  };
  std::unique_ptr<z_stream_s, end> stream_;
};

/// Inflates a gzip body in steps, so that a large one does not hold up its thread. Several members
/// in a row are one text, as gzip has it.
class gzip_reader {
public:
  enum class state {
    partial,   ///< advance() has to be called again
    whole,     ///< the text is complete
    malformed, ///< it is no gzip, or cut, or damaged
    too_large, ///< more than bytes_max
  };

  /// Throws std::bad_alloc.
  gzip_reader(std::string compressed, std::size_t bytes_max);
  gzip_reader(const gzip_reader&) = delete;
  gzip_reader& operator=(const gzip_reader&) = delete;
  ~gzip_reader();

  /// Reads or writes about `bytes`. Not to be called again after another state than partial.
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
