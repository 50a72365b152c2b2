#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The part of RFC 6455 that a load generator needs.
namespace telemetry::bench {

enum class opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct frame {
  opcode kind;
  bool final;
  /// Still masked if the frame has a mask.
  std::string_view payload;
  /// Bytes of the whole frame.
  std::size_t size;
};

/// The nonce and the answer to it are the sample of RFC 6455 §1.3, so that no SHA-1 is needed.
/// @param headers further ones, each with its end
std::string upgrade_request(std::string_view path, std::uint16_t port,
                            std::string_view headers = {});
inline constexpr std::string_view upgrade_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Appends a client's (masked) frame with the FIN bit.
void append_masked_frame(std::string& out, opcode kind, std::string_view payload,
                         std::uint32_t mask);

/// Appends a server's (unmasked) text frame with the FIN bit.
void append_text_frame(std::string& out, std::string_view payload);

/// Reads the frame at the start of `in`; nullopt if it is incomplete. Skips a mask.
std::optional<frame> read_frame(std::string_view in);

} // namespace telemetry::bench
