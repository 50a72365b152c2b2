#pragma once

#include "core/result.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace telemetry::access {

/// SHA-256 of a key's text.
using key_hash = std::array<unsigned char, 32>;

inline constexpr std::string_view key_beginning = "tmk_";
inline constexpr std::size_t key_id_bytes_max = 32;
inline constexpr std::size_t key_secret_bytes = 43; ///< base62; 256 bits
inline constexpr std::size_t key_check_bytes = 6;   ///< base62; CRC-32 of what stands before it

/// Whether `id` is 1 to 32 of `[a-z0-9-]`.
[[nodiscard]] bool is_key_id(std::string_view id) noexcept;

/// Why a text that was shown as a key is none.
enum class key_fault {
  malformed, ///< not `tmk_<id>.<secret><check>`, e.g. because a part of it is missing
  checksum,  ///< a wrong character, which the check shows
};

/// The parts of a well-formed key.
struct key_text {
  std::string_view id;
};

/// Reads `text` as `tmk_<id>.<secret><check>`, and says why it is none if `fault` is not null.
/// @returns views into `text`.
[[nodiscard]] std::optional<key_text> read_key(std::string_view text,
                                               key_fault* fault = nullptr) noexcept;

/// A new key with a secret of the kernel's random numbers.
/// @pre is_key_id(id)
/// Errors: unavailable, if the kernel gives none.
[[nodiscard]] result<std::string> make_key(std::string_view id);

/// SHA-256 of the whole text. Thread-safe.
[[nodiscard]] key_hash hash_of_key(std::string_view text) noexcept;

/// Compares in a time that does not depend on the bytes.
[[nodiscard]] bool are_equal(const key_hash& a, const key_hash& b) noexcept;

} // namespace telemetry::access
