#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <sys/types.h>

namespace telemetry::bench {

/// What a process has used so far, from /proc.
struct process_usage {
  /// User and system time of all its threads, ended ones included.
  double cpu_seconds;
  std::uint64_t rss_bytes;
  std::uint64_t rss_peak_bytes;
  /// Bytes it caused to be sent to the disk.
  std::uint64_t written_bytes;
  /// How often its present threads went to sleep: what waiting and waking cost it.
  std::uint64_t sleeps;
};

/// @throws std::runtime_error if there is no such process, or it belongs to somebody else.
process_usage usage_of(pid_t pid);

/// Bytes that the files below a directory take on the disk (as `du`).
std::uint64_t disk_bytes(const std::string& directory);

/// Lets so much time pass.
using pause = std::function<void(std::chrono::milliseconds)>;

/// Waits until a process is at rest: at least `least`, then until it used less than 2 % of a core
/// for a second; gives up after a minute. @returns whether it came to rest.
bool wait_until_quiet(pid_t pid, std::chrono::milliseconds least, const pause& wait);

} // namespace telemetry::bench
