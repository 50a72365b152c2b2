#pragma once

#include "access/key_set.hpp"
#include "net/callers.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace telemetry::net {

/// The ids of keys that differ between two sets.
struct key_changes {
  std::vector<std::string> added;
  std::vector<std::string> changed;
  std::vector<std::string> removed;
};

[[nodiscard]] key_changes changes_between(const access::key_set& before,
                                          const access::key_set& after);

/// Keeps the callers that a server knows in step with its keys file. A file that is gone, broken or
/// without keys leaves the old set in force, because an accident with a file must neither lock all
/// clients out nor let anybody in.
///
/// Thread: one, that of a file_watch; except for the constructor.
class key_reload {
public:
  struct reports {
    std::function<void(callers_ptr)> on_callers; ///< the set to know from now on
    std::function<void(const access::key_set&, const key_changes&)> on_taken;
    std::function<void(const failure&)> on_kept; ///< the file was not taken, because of the failure
  };

  key_reload(std::string path, access::key_set first, reports to);

  [[nodiscard]] const callers_ptr& known() const noexcept { return known_; }
  [[nodiscard]] const access::key_set& keys() const noexcept { return keys_; }
  /// Reads the file, and takes it or keeps the old set.
  /// @returns false if the file could not be read, so that reading it again may help
  bool reload();
  /// Tells on_callers about the same set again if a right has ended since the last call, because
  /// open connections of that right must end.
  void end_overdue(wall_ms now);

private:
  std::string path_;
  access::key_set keys_;
  reports to_;
  callers_ptr known_;
  std::optional<wall_ms> next_end_;
  wall_ms last_look_ = 0; ///< `now` of the last end_overdue()
};

} // namespace telemetry::net
