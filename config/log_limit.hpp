#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace telemetry::log {

/// Keeps lines about what clients do from filling the log: each kind of line once in 10 s, and 10
/// lines a second in all.
///
/// Thread-safe.
class limit {
public:
  using clock = std::chrono::steady_clock;

  /// @param kind e.g. the reason and the address; lines of one kind follow each other rarely
  /// @returns how many lines were left out since the last one that was not; nullopt to leave this
  ///          one out.
  [[nodiscard]] std::optional<std::uint64_t> pass(std::string_view kind,
                                                  clock::time_point now = clock::now());

private:
  void forget_old(clock::time_point now);

  std::mutex mutex_;                                        ///< guards all members
  std::unordered_map<std::string, clock::time_point> last_; ///< by kind
  clock::time_point second_{};                              ///< start of the current second
  int lines_ = 0;                                           ///< in the current second
  std::uint64_t left_out_ = 0;
};

} // namespace telemetry::log
