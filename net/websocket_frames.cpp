#include "net/websocket_frames.hpp"

namespace telemetry::net {

namespace {

constexpr char final_text = '\x81';
constexpr char final_close = '\x88';
constexpr char final_ping = '\x89';
constexpr char final_pong = '\x8a';

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift & 0xff));
}

void append_length(std::string& out, std::size_t length) {
  if (length <= 125) {
    out.push_back(static_cast<char>(length));
  } else if (length <= 0xffff) {
    out.push_back(126);
    append_big_endian(out, length, 2);
  } else {
    out.push_back(127);
    append_big_endian(out, length, 8);
  }
}

} // namespace

void append_ok_frames(std::string& out, std::size_t count) {
  constexpr std::string_view ok{"\x81\x02OK", 4};
  constexpr std::string_view eight{"\x81\x02OK\x81\x02OK\x81\x02OK\x81\x02OK"
                                   "\x81\x02OK\x81\x02OK\x81\x02OK\x81\x02OK",
                                   32};
  for (; count >= 8; count -= 8)
    out += eight;
  out += eight.substr(0, count * ok.size());
}

void append_text_frame(std::string& out, std::string_view text) {
  out.push_back(final_text);
  append_length(out, text.size());
  out += text;
}

void append_ping_frame(std::string& out) {
  out.push_back(final_ping);
  append_length(out, 0);
}

void append_pong_frame(std::string& out, std::string_view payload) {
  out.push_back(final_pong);
  append_length(out, payload.size());
  out += payload;
}

void append_close_frame(std::string& out, close_code code, std::string_view reason) {
  const auto text = reason.substr(0, 123);
  out.push_back(final_close);
  append_length(out, 2 + text.size());
  append_big_endian(out, static_cast<std::uint16_t>(code), 2);
  out += text;
}

} // namespace telemetry::net
