#pragma once

#include "core/result.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace telemetry {

/// Robots with damaged rows in the store (ADR 0055): for /readyz, for the log, and for
/// connections, which refuse events of some of them.
///
/// Thread-safe. refuses() costs one load of an atomic while no robot is refused.
class damaged_robots {
public:
  /// Most robots that were only seen in reads. Held robots are not limited, because each of them is
  /// an actor in memory anyway.
  static constexpr std::size_t seen_max = 1'000;
  /// A robot that was only seen in a read counts as damaged for so long after it was last seen,
  /// because the server does not look whether its row is mended.
  static constexpr std::int64_t seen_ms = 600'000;

  /// A read met damage. @param robot its name; "" if the damage hides the name.
  void see(std::string_view robot, const failure& why, std::int64_t steady_ms);
  /// Events of this robot stay in memory and in the journal until release(), because its row is
  /// damaged.
  void hold(std::string_view robot, const failure& why);
  /// Events of this robot are refused before the journal from now on. @pre it is held.
  void refuse(std::string_view robot);
  /// The rows of this robot can be read again.
  void release(std::string_view robot);

  /// Whether events of this robot are to be refused before the journal.
  [[nodiscard]] bool refuses(std::string_view robot) const;

  struct summary {
    std::size_t robots;
    std::string first; ///< name of one of them, a held one if there is one
    failure why;       ///< of that one
  };
  /// nullopt if no robot is damaged.
  [[nodiscard]] std::optional<summary> summarize(std::int64_t steady_ms) const;
  /// For /readyz, one sentence; nullopt if no robot is damaged.
  [[nodiscard]] std::optional<std::string> detail(std::int64_t steady_ms) const;

private:
  struct entry {
    failure why;
    std::int64_t seen_at_ms;
    bool is_held = false;
    bool is_refused = false;
  };

  [[nodiscard]] static bool counts(const entry& one, std::int64_t steady_ms) {
    return one.is_held || steady_ms - one.seen_at_ms < seen_ms;
  }

  std::atomic<std::size_t> refused_{0};
  std::atomic<std::size_t> size_{0};
  mutable std::mutex mutex_; ///< guards robots_
  std::map<std::string, entry, std::less<>> robots_;
};

} // namespace telemetry
