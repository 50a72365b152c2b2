#include "bench/macro/http_response.hpp"

#include <algorithm>
#include <charconv>
#include <strings.h>

namespace telemetry::bench {

namespace {

std::size_t to_number(std::string_view text, int base) {
  std::size_t value = 0;
  std::from_chars(text.begin(), text.end(), value, base);
  return value;
}

/// The value of a header line, or an empty view if the line is of another header.
std::string_view value_of(std::string_view line, std::string_view header) {
  if (line.size() < header.size() || ::strncasecmp(line.data(), header.data(), header.size()) != 0)
    return {};
  line.remove_prefix(header.size());
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return line;
}

} // namespace

bool http_response::take(std::string_view received) {
  while (!received.empty() && expected_ != part::done) {
    if (expected_ == part::body) {
      const auto piece = received.substr(0, body_left_);
      body_ += piece;
      received.remove_prefix(piece.size());
      body_left_ -= piece.size();
      if (body_left_ == 0)
        expected_ = chunked_ ? part::chunk_end : part::done;
      continue;
    }
    const auto end = received.find('\n');
    line_ += received.substr(0, end);
    if (end == std::string_view::npos)
      return false;
    received.remove_prefix(end + 1);
    if (line_.ends_with('\r'))
      line_.pop_back();
    take_line();
    line_.clear();
  }
  return expected_ == part::done;
}

void http_response::clear() {
  expected_ = part::status;
  chunked_ = false;
  body_left_ = 0;
  body_.clear();
}

void http_response::take_line() {
  switch (expected_) {
  case part::status:
    status_ = line_;
    expected_ = part::header;
    return;
  case part::header:
    return take_header();
  case part::chunk_size:
    body_left_ = to_number(line_, 16);
    expected_ = body_left_ > 0 ? part::body : part::trailer;
    return;
  case part::chunk_end:
    expected_ = part::chunk_size;
    return;
  case part::trailer:
    expected_ = line_.empty() ? part::done : part::trailer;
    return;
  case part::body:
  case part::done:
    return; // no lines there
  }
}

void http_response::take_header() {
  if (const auto value = value_of(line_, "content-length:"); !value.empty())
    body_left_ = to_number(value, 10);
  chunked_ = chunked_ || !value_of(line_, "transfer-encoding:").empty();
  if (!line_.empty())
    return;
  if (chunked_)
    expected_ = part::chunk_size;
  else
    expected_ = body_left_ > 0 ? part::body : part::done;
}

} // namespace telemetry::bench
