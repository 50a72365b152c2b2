#include "bench/macro/frame.hpp"

#include <cstring>

namespace telemetry::bench {

namespace {

constexpr std::uint8_t final_bit = 0x80;
constexpr std::uint8_t mask_bit = 0x80;

void append_header(std::string& out, opcode kind, std::size_t size, std::uint8_t mask_flag) {
  out.push_back(static_cast<char>(final_bit | static_cast<std::uint8_t>(kind)));
  int length_bytes = 0;
  if (size < 126) {
    out.push_back(static_cast<char>(mask_flag | size));
  } else {
    length_bytes = size <= 0xffff ? 2 : 8;
    out.push_back(static_cast<char>(mask_flag | (length_bytes == 2 ? 126 : 127)));
  }
  for (int byte = length_bytes - 1; byte >= 0; --byte)
    out.push_back(static_cast<char>(size >> (8 * byte)));
}

void mask_in_place(char* data, std::size_t size, std::uint32_t mask) {
  const std::uint64_t wide = mask | std::uint64_t{mask} << 32;
  std::size_t done = 0;
  for (; done + sizeof wide <= size; done += sizeof wide) {
    std::uint64_t word;
    std::memcpy(&word, data + done, sizeof word);
    word ^= wide;
    std::memcpy(data + done, &word, sizeof word);
  }
  for (; done < size; ++done)
    data[done] = static_cast<char>(data[done] ^ static_cast<char>(mask >> (8 * (done % 4))));
}

} // namespace

std::string upgrade_request(std::string_view path, std::uint16_t port, std::string_view headers) {
  std::string out = "GET ";
  out += path;
  out += " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port);
  out += "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
  return out.append(headers).append("\r\n");
}

void append_masked_frame(std::string& out, opcode kind, std::string_view payload,
                         std::uint32_t mask) {
  append_header(out, kind, payload.size(), mask_bit);
  char mask_bytes[sizeof mask];
  std::memcpy(mask_bytes, &mask, sizeof mask);
  out.append(mask_bytes, sizeof mask_bytes);
  const auto start = out.size();
  out += payload;
  mask_in_place(out.data() + start, payload.size(), mask);
}

void append_text_frame(std::string& out, std::string_view payload) {
  append_header(out, opcode::text, payload.size(), 0);
  out += payload;
}

std::optional<frame> read_frame(std::string_view in) {
  if (in.size() < 2)
    return std::nullopt;
  const auto byte = [in](std::size_t i) { return static_cast<std::uint8_t>(in[i]); };
  std::uint64_t size = byte(1) & 0x7f;
  std::size_t header = 2;
  if (size >= 126) {
    header += size == 126 ? 2 : 8;
    if (in.size() < header)
      return std::nullopt;
    size = 0;
    for (std::size_t i = 2; i < header; ++i)
      size = size << 8 | byte(i);
  }
  if (byte(1) & mask_bit)
    header += 4;
  if (in.size() < header || in.size() - header < size)
    return std::nullopt;
  return frame{static_cast<opcode>(byte(0) & 0x0f), (byte(0) & final_bit) != 0,
               in.substr(header, size), header + size};
}

} // namespace telemetry::bench
