#pragma once

#include "access/key_set.hpp"

#include <functional>
#include <string>
#include <vector>

namespace telemetry::access {

/// The keys of the file `path`. Errors: as read_judged_file() of a file of rights, and
/// key_set::read(); the text names `path`.
[[nodiscard]] result<key_set> read_keys_file(const std::string& path);

/// The lines of a keys file while it is edited: keys, and lines that are left as they are.
class keys_edit {
public:
  struct line {
    std::string text;        ///< as in the file, without its end
    std::optional<key> one;  ///< nullopt: an empty line or a comment
    bool may_differ = false; ///< find() or append() gave `one` away
  };

  /// @pre key_set::read(text), or `text` has no line of a key
  explicit keys_edit(std::string_view text);

  [[nodiscard]] bool has_keys() const;
  [[nodiscard]] key* find(std::string_view id);
  void append(key one);
  /// Removes the keys that fit, but never the last key of the file, because a file without a key is
  /// not taken. @returns how many.
  std::size_t remove(const std::function<bool(const key&)>& fits);
  /// Keys that were changed are written anew, other lines stay as they are.
  [[nodiscard]] std::string text() const;

private:
  std::vector<line> lines_;
};

/// Edits the file `path` under a lock of `<path>.lock`, so that two commands do not undo each
/// other. `change` gets the keys and says why it refuses, if it does. The new text is validated,
/// written to
/// `<path>.new` with owner and mode of the old file (0600 if there is none), synced, and renamed.
/// Blocks until another command has ended.
/// Errors: as read_keys_file(), as `change`, and unavailable (the file cannot be written).
[[nodiscard]] result<void> edit_keys_file(const std::string& path,
                                          const std::function<result<void>(keys_edit&)>& change);

} // namespace telemetry::access
