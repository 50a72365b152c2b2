#pragma once

#include "access/key.hpp"
#include "core/result.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace telemetry::access {

inline constexpr std::size_t keys_file_bytes_max = 16u << 20;
inline constexpr std::size_t keys_max = 100'000;

/// Why a key that was shown is refused.
enum class key_refusal {
  unknown, ///< no such id
  secret,  ///< another secret
  revoked,
  expired,
};

/// The keys of a file, by id. Immutable; thread-safe.
class key_set {
public:
  /// Reads the text of a keys file: a JSON object per line (key_line.hpp). Empty lines, and lines
  /// that begin with '#', are left out.
  /// Errors: malformed, with the number of the line. The text repeats nothing of the file.
  [[nodiscard]] static result<key_set> read(std::string_view text);

  [[nodiscard]] const key* find(std::string_view id) const;
  /// The key that `text`, a well-formed key, is a secret of at `now`; or why it is none.
  struct verdict {
    const key* found = nullptr;
    key_refusal why{};
    std::optional<wall_ms> until; ///< the right ends then, if nobody ends it before
  };
  [[nodiscard]] verdict check(const key_text& parts, std::string_view text, wall_ms now) const;

  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }
  /// In the order of the file.
  [[nodiscard]] const std::vector<key>& keys() const noexcept { return keys_; }

private:
  std::vector<key> keys_;
  struct text_hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, std::size_t, text_hash, std::equal_to<>> places_;
};

} // namespace telemetry::access
