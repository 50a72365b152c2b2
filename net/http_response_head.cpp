#include "net/http_response_head.hpp"

#include "core/number.hpp"
#include "net/rest/problem.hpp"

#include <charconv>
#include <ctime>

namespace telemetry::net {
namespace {

/// The headers of every answer: Server, Date, and no-store, because no answer may be cached.
std::string make_standing_lines(std::time_t now, std::string_view version) {
  std::tm parts{};
  gmtime_r(&now, &parts);
  char date[64];
  const std::size_t length = std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  std::string lines = "\r\nServer: telemetryd/";
  lines.append(version).append("\r\nDate: ").append(date, length);
  return lines += "\r\nCache-Control: no-store\r\n";
}

const std::string& standing_lines(std::string_view version) {
  struct cache {
    std::time_t second = -1;
    std::string version;
    std::string lines;
  };
  thread_local cache cached;
  const std::time_t now = std::time(nullptr);
  if (now != cached.second || version != cached.version)
    cached = {now, std::string(version), make_standing_lines(now, version)};
  return cached.lines;
}

} // namespace

http_frame frame_of(const http_answer& answer, bool http_1_0) {
  http_frame frame;
  frame.http_1_0 = http_1_0;
  if (answer.status == 204)
    frame.framing = http_framing::none;
  else if (answer.more)
    frame.framing = http_1_0 ? http_framing::close : http_framing::chunked;
  return frame;
}

void append_head(std::string& out, const http_answer& answer, const http_frame& frame) {
  out += frame.http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ";
  append_integer(out, answer.status);
  out += ' ';
  out += status_phrase(answer.status);
  out += standing_lines(frame.version);
  out += answer.headers;
  if (!answer.content_type.empty())
    out.append("Content-Type: ").append(answer.content_type).append("\r\n");
  if (!frame.keep_alive)
    out += "Connection: close\r\n";
  else if (frame.http_1_0)
    out += "Connection: keep-alive\r\n";
  if (frame.framing == http_framing::length) {
    out += "Content-Length: ";
    append_integer(out, static_cast<std::int64_t>(answer.body.size()));
    out += "\r\n";
  } else if (frame.framing == http_framing::chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  out += "\r\n";
}

void append_chunk(std::string& out, std::string_view text) {
  char size[16];
  const auto end = std::to_chars(size, size + sizeof size, text.size(), 16).ptr;
  out.append(size, end).append("\r\n").append(text).append("\r\n");
}

} // namespace telemetry::net
