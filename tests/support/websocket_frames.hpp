#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// The client's side of RFC 6455 frames. Shares no code with net/, because tests compare them.
namespace telemetry::test {

enum class opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xa,
};

/// How a client frame is built; the defaults make a legal one.
struct frame_shape {
  bool is_final = true;
  bool is_masked = true;
  std::uint8_t reserved = 0;      ///< bits to set in the first byte
  std::uint64_t claimed_size = 0; ///< length in the header; 0 for that of the payload
};

inline std::string client_frame(opcode op, std::string_view payload, frame_shape shape = {}) {
  const auto size = shape.claimed_size != 0 ? shape.claimed_size : payload.size();
  const int length_bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  std::string frame;
  frame.push_back(static_cast<char>((shape.is_final ? 0x80 : 0) | shape.reserved |
                                    static_cast<std::uint8_t>(op)));
  frame.push_back(static_cast<char>((shape.is_masked ? 0x80 : 0) | (length_bytes == 0   ? size
                                                                    : length_bytes == 2 ? 126
                                                                                        : 127)));
  for (int i = length_bytes - 1; i >= 0; --i)
    frame.push_back(static_cast<char>(size >> 8 * i));
  const std::string_view key = "\x12\x34\xA5\x78";
  if (shape.is_masked)
    frame += key;
  for (std::size_t i = 0; i < payload.size(); ++i)
    frame.push_back(static_cast<char>(payload[i] ^ (shape.is_masked ? key[i % 4] : 0)));
  return frame;
}

inline std::string client_text(std::string_view payload) {
  return client_frame(opcode::text, payload);
}

/// @param code 0: a close frame without a payload.
inline std::string client_close(std::uint16_t code, std::string_view reason = "") {
  std::string payload;
  if (code != 0) {
    payload.push_back(static_cast<char>(code >> 8));
    payload.push_back(static_cast<char>(code & 0xff));
    payload += reason;
  }
  return client_frame(opcode::close, payload);
}

struct server_frame {
  opcode op;
  std::string payload;
  friend bool operator==(const server_frame&, const server_frame&) = default;

  /// Of a close frame.
  [[nodiscard]] int close_code() const {
    if (op != opcode::close || payload.size() < 2)
      return 0;
    return static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1]);
  }
};

/// Removes whole server frames from `bytes`. They must be final, unmasked and without reserved
/// bits. An incomplete frame stays.
inline std::vector<server_frame> take_server_frames(std::string& bytes) {
  std::vector<server_frame> frames;
  std::string_view rest = bytes;
  while (rest.size() >= 2) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(rest[i]); };
    if ((byte(0) & 0xf0) != 0x80 || (byte(1) & 0x80) != 0)
      throw std::runtime_error("a server frame is fragmented, masked or has reserved bits");
    const std::size_t length_bytes = byte(1) == 126 ? 2 : byte(1) == 127 ? 8 : 0;
    std::uint64_t size = length_bytes == 0 ? byte(1) : 0;
    if (rest.size() < 2 + length_bytes)
      break;
    for (std::size_t i = 0; i < length_bytes; ++i)
      size = size << 8 | byte(2 + i);
    if (rest.size() < 2 + length_bytes + size)
      break;
    frames.push_back(
        {static_cast<opcode>(byte(0) & 0x0f), std::string(rest.substr(2 + length_bytes, size))});
    rest.remove_prefix(2 + length_bytes + size);
  }
  bytes.erase(0, bytes.size() - rest.size());
  return frames;
}

} // namespace telemetry::test
