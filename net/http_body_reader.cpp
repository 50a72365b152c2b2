#include "net/http_body_reader.hpp"

#include "net/http_token.hpp"
#include "net/rest/steady_growth.hpp"

#include <algorithm>
#include <charconv>

namespace telemetry::net {
namespace {

void skip_white_space(std::string_view& text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

bool skip_token(std::string_view& text) noexcept {
  const auto end = std::ranges::find_if_not(text, is_token_char);
  const auto size = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(size);
  return size > 0;
}

bool is_control(char c) noexcept { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; }

/// Skips a quoted string. @pre text.starts_with('"') @returns false if it is not closed.
bool skip_quoted(std::string_view& text) noexcept {
  for (std::size_t i = 1; i < text.size() && !is_control(text[i]); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

/// `text` is *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) (RFC 9112, 7.1.1).
bool are_chunk_extensions(std::string_view text) noexcept {
  while (!text.empty()) {
    skip_white_space(text);
    if (!text.starts_with(';'))
      return false;
    text.remove_prefix(1);
    skip_white_space(text);
    if (!skip_token(text))
      return false;
    auto value = text;
    skip_white_space(value);
    if (!value.starts_with('='))
      continue;
    value.remove_prefix(1);
    skip_white_space(value);
    if (!(value.starts_with('"') ? skip_quoted(value) : skip_token(value)))
      return false;
    text = value;
  }
  return true;
}

bool is_field_line(std::string_view line) noexcept {
  const auto colon = line.find(':');
  return colon != std::string_view::npos && is_token(line.substr(0, colon)) &&
         std::ranges::none_of(line.substr(colon), is_control);
}

} // namespace

http_body_reader http_body_reader::with_length(std::uint64_t length) {
  http_body_reader reader;
  reader.chunked_ = false;
  reader.part_ = part::data;
  reader.left_ = length;
  reader.bytes_max_ = length;
  if (length == 0)
    reader.state_ = state::whole;
  return reader;
}

http_body_reader http_body_reader::chunked(std::size_t bytes_max) {
  http_body_reader reader;
  reader.bytes_max_ = bytes_max;
  return reader;
}

std::size_t http_body_reader::take(std::string_view received) {
  std::string_view rest = received;
  std::size_t before = rest.size() + 1;
  while (state_ == state::partial && rest.size() < before) {
    before = rest.size();
    std::string_view line;
    switch (part_) {
    case part::data:
      take_data(rest);
      break;
    case part::data_end:
      take_data_end(rest);
      break;
    case part::chunk_line:
      if (take_line(rest, chunk_line_bytes_max, state::malformed, line))
        on_chunk_line(line);
      break;
    case part::trailer:
      if (take_line(rest, trailer_bytes_max - trailer_bytes_, state::trailer_too_large, line))
        on_trailer_line(line);
      break;
    }
  }
  return received.size() - rest.size();
}

void http_body_reader::take_data(std::string_view& rest) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
  reserve_steadily(text_, size, bytes_max_);
  text_.append(rest.substr(0, size));
  rest.remove_prefix(size);
  left_ -= size;
  if (left_ > 0)
    return;
  if (chunked_)
    part_ = part::data_end;
  else
    state_ = state::whole;
}

void http_body_reader::take_data_end(std::string_view& rest) {
  constexpr std::string_view end = "\r\n";
  if (!rest.starts_with(end.substr(0, rest.size())))
    state_ = state::malformed;
  if (!rest.starts_with(end))
    return;
  rest.remove_prefix(end.size());
  part_ = part::chunk_line;
}

bool http_body_reader::take_line(std::string_view& rest, std::size_t bytes_max, state beyond,
                                 std::string_view& line) {
  const auto end = rest.substr(0, bytes_max).find('\n');
  if (end == std::string_view::npos) {
    if (rest.size() >= bytes_max)
      state_ = beyond;
    return false;
  }
  if (end == 0 || rest[end - 1] != '\r') {
    state_ = state::malformed;
    return false;
  }
  line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  return true;
}

void http_body_reader::on_chunk_line(std::string_view line) {
  const char* const end = line.data() + line.size();
  const auto [digits_end, error] = std::from_chars(line.data(), end, left_, 16);
  if (error != std::errc{} ||
      !are_chunk_extensions({digits_end, static_cast<std::size_t>(end - digits_end)})) {
    state_ = state::malformed;
    return;
  }
  part_ = left_ == 0 ? part::trailer : part::data;
  if (left_ > bytes_max_ - text_.size())
    state_ = state::too_large;
}

void http_body_reader::on_trailer_line(std::string_view line) {
  trailer_bytes_ += line.size() + 2;
  if (line.empty())
    state_ = state::whole;
  else if (!is_field_line(line))
    state_ = state::malformed;
}

} // namespace telemetry::net
