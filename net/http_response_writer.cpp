#include "net/http_response_writer.hpp"

#include "net/memory_budget.hpp"

namespace telemetry::net {

void http_response_writer::start(const http_answer& answer, const request& asked,
                                 std::string_view version) {
  auto frame = frame_of(answer, asked.http_1_0);
  keep_alive_ = asked.keep_alive && frame.framing != http_framing::close;
  frame.keep_alive = keep_alive_;
  frame.version = version;
  is_chunked_ = frame.framing == http_framing::chunked;
  is_last_ = !answer.more || asked.head_only;
  append_head(out_, answer, frame);
  if (!asked.head_only)
    append(answer.body);
}

void http_response_writer::invite_body() { out_ += "HTTP/1.1 100 Continue\r\n\r\n"; }

void http_response_writer::add(const body_piece& piece) {
  append(piece.text);
  is_last_ = piece.last;
  if (is_last_ && is_chunked_)
    out_ += last_chunk;
}

void http_response_writer::sent(std::size_t bytes) noexcept {
  sent_ += bytes;
  if (sent_ < out_.size())
    return;
  sent_ = 0;
  if (is_last_ && out_.capacity() > idle_buffer_bytes_max)
    out_ = {};
  else
    out_.clear();
}

void http_response_writer::append(std::string_view text) {
  if (is_chunked_ && !text.empty())
    append_chunk(out_, text);
  else
    out_ += text;
}

} // namespace telemetry::net
