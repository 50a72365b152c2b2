#pragma once

#include "core/event.hpp"

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace telemetry {

/// Logs a warning about a robot with many stale events, because its clock may be wrong: after
/// `warn_count` stale events within a minute, at most once a minute per robot.
///
/// Thread-safe. Memory is bounded: counts restart every minute and cover `robots_max` robots.
class stale_log {
public:
  static constexpr std::uint64_t warn_count = 100;
  static constexpr std::size_t robots_max = 10'000;

  /// Counts one stale event of `robot`. @param steady_ms the current steady time.
  void note(std::string_view robot, timestamp_ms seal_point, std::int64_t steady_ms);

private:
  static constexpr std::int64_t minute_ms = 60'000;

  std::mutex mutex_;
  std::int64_t minute_start_ms_ = 0;
  std::unordered_map<std::string, std::uint64_t> counts_;
};

} // namespace telemetry
