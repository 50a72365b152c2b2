#include "net/rest/gzip.hpp"

#include "net/rest/steady_growth.hpp"

#include <algorithm>
#include <new>
#include <zlib.h>

namespace telemetry::net {
namespace {

// Level 1 and small windows save five sixths of the bytes that zlib's defaults save, with a third
// of the cpu and a quarter of the memory (ADR 0057).
constexpr int level = 1;
constexpr int window_bits = 13;
constexpr int memory_level = 6;
constexpr int gzip_format = 16;         ///< added to the window bits
constexpr int largest_window_bits = 15; ///< can read the windows of all writers

Bytef* bytes_of(const char* text) noexcept {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text)); // zlib does not write its input
}

} // namespace

void gzip_writer::end::operator()(z_stream_s* stream) const noexcept {
  deflateEnd(stream);
  delete stream;
}

gzip_writer::gzip_writer() {
  auto stream = std::make_unique<z_stream>();
  if (deflateInit2(stream.get(), level, Z_DEFLATED, window_bits + gzip_format, memory_level,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  stream_.reset(stream.release());
}

void gzip_writer::append(std::string_view text, bool last, std::string& out) {
  constexpr std::size_t step_bytes = 16u << 10;
  stream_->next_in = bytes_of(text.data());
  stream_->avail_in = static_cast<uInt>(text.size());
  do {
    const std::size_t before = out.size();
    out.resize(before + step_bytes);
    stream_->next_out = bytes_of(out.data() + before);
    stream_->avail_out = step_bytes;
    deflate(stream_.get(), last ? Z_FINISH : Z_SYNC_FLUSH);
    out.resize(before + step_bytes - stream_->avail_out);
  } while (stream_->avail_out == 0); // zlib leaves room only when all its output is written
}

gzip_reader::gzip_reader(std::string compressed, std::size_t bytes_max)
    : compressed_(std::move(compressed)), bytes_max_(bytes_max),
      stream_(std::make_unique<z_stream>()) {
  if (inflateInit2(stream_.get(), largest_window_bits + gzip_format) != Z_OK)
    throw std::bad_alloc();
  stream_->next_in = bytes_of(compressed_.data());
  stream_->avail_in = static_cast<uInt>(compressed_.size());
}

gzip_reader::~gzip_reader() { inflateEnd(stream_.get()); }

gzip_reader::state gzip_reader::advance(std::size_t bytes) {
  const std::size_t text_end = text_.size() + bytes;
  const std::size_t input_end = stream_->avail_in - std::min<std::size_t>(stream_->avail_in, bytes);
  auto now = state::partial;
  while (now == state::partial && text_.size() < text_end) {
    now = advance_member(text_end - text_.size());
    if (stream_->avail_in <= input_end) // long input may give little text, as empty members do
      break;
  }
  return now;
}

gzip_reader::state gzip_reader::advance_member(std::size_t bytes) {
  const std::size_t before = text_.size();
  const std::size_t space = std::min(bytes, bytes_max_ + 1 - before);
  reserve_steadily(text_, space, bytes_max_ + 1);
  text_.resize(before + space);
  stream_->next_out = bytes_of(text_.data() + before);
  stream_->avail_out = static_cast<uInt>(space);
  const int code = inflate(stream_.get(), Z_NO_FLUSH);
  text_.resize(before + space - stream_->avail_out);
  if (text_.size() > bytes_max_)
    return state::too_large;
  if (code == Z_STREAM_END) {
    if (stream_->avail_in == 0)
      return state::whole;
    return inflateReset(stream_.get()) == Z_OK ? state::partial : state::malformed;
  }
  return code == Z_OK ? state::partial : state::malformed; // a truncated text gives Z_BUF_ERROR
}

} // namespace telemetry::net
