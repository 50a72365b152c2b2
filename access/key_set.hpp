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
    std::size_t hash = 0; ///< index of the secret's hash in found->hashes
    key_refusal why{};
    const key* meant = nullptr; ///< the key with this id, for the log; nullptr if there is none
  };
  [[nodiscard]] verdict check(const key_text& parts, std::string_view text, wall_ms now) const;
  /// The same of a key that was shown before: its id and hash.
  [[nodiscard]] verdict check(std::string_view id, const key_hash& shown, wall_ms now) const;

  /// The end of the right of a secret; nullopt if it never ends by itself.
  [[nodiscard]] static std::optional<wall_ms> end_of(const key& one, const secret_hash& secret);

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
