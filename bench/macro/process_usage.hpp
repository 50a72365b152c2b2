#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <sys/types.h>

namespace telemetry::bench {

/// The resources that a process has used so far, from /proc.
struct process_usage {
  /// User and system time of all its threads, ended ones included.
  double cpu_seconds;
  std::uint64_t rss_bytes;
  std::uint64_t rss_peak_bytes;
  /// Bytes that the process caused to be written to the disk.
  std::uint64_t written_bytes;
  /// How often its present threads went to sleep, as a measure of the cost of waiting and waking.
  std::uint64_t sleeps;
};

/// @throws std::runtime_error if there is no such process, or it belongs to somebody else.
process_usage usage_of(pid_t pid);

/// Bytes that the files below a directory take on the disk (as `du`).
std::uint64_t disk_bytes(const std::string& directory);

/// Waits for so long.
using pause = std::function<void(std::chrono::milliseconds)>;

/// Waits for `least`, then until the process has used less than 2 % of a core for a second. Gives
/// up after a minute. @returns whether the process came to rest.
bool wait_until_quiet(pid_t pid, std::chrono::milliseconds least, const pause& wait);

} // namespace telemetry::bench
