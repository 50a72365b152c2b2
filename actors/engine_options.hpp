#pragma once

#include "config/options.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace telemetry {

/// Bytes that a live robot is charged to storage.memory_max, without its name: its actor, its slot
/// and its entry in every queue of its shard (ADR 0054).
inline constexpr std::size_t robot_bytes = 1'728;

/// Settings of the engine. Members with a setting have the default of config::options.
struct engine_options {
  using milliseconds = std::chrono::milliseconds;

  [[nodiscard]] static engine_options from(const config::options& settings);

  milliseconds reorder_window = config::options{}.reorder.window;
  milliseconds future_limit = config::options{}.ingest.future_limit; ///< 0: no limit
  milliseconds stall_limit = config::options{}.ingest.stall_limit;
  std::size_t in_flight_max = config::options{}.ingest.max_in_flight; ///< events per connection
  std::size_t in_flight_bytes_max = config::options{}.ingest.max_in_flight_bytes;
  milliseconds robots_idle = config::options{}.robots.idle;
  std::size_t robots_active_max = config::options{}.robots.active_max;
  /// Limit of the memory for live robots, for rows that are not in the store yet, and for events
  /// that wait for the store.
  std::size_t memory_bytes_max = config::options{}.storage.memory_max;
  milliseconds checkpoint_interval = config::options{}.checkpoint.interval;
  std::size_t checkpoint_events = config::options{}.checkpoint.events;
  milliseconds query_timeout = config::options{}.query.timeout;
  milliseconds cache_interval{0}; ///< 0: no cache
  /// Largest commit, in events, that is applied on the journal writer's thread (ADR 0048).
  std::size_t inline_events_max = 1'024;
  std::size_t readers = config::options{}.query.threads;
  /// Threads of the CAF scheduler; 0: one per core.
  std::size_t workers = config::options{}.scheduler.threads;
  std::uint64_t free_bytes_warn = config::options{}.storage.warn_free;
  std::uint64_t free_bytes_min = config::options{}.storage.min_free;
  /// Whether blocking actors have threads of their own. False in tests on the test coordinator.
  bool detach = true;

  /// The part of `memory_bytes_max` that robots may use. The rest is for rows.
  [[nodiscard]] std::size_t robots_bytes_max() const noexcept { return memory_bytes_max / 4 * 3; }
  /// How many robots with short names stay in memory: `robots_active_max`, or as many as fit.
  [[nodiscard]] std::size_t robots_kept_max() const noexcept {
    return std::min(robots_active_max, robots_bytes_max() / robot_bytes);
  }
};

} // namespace telemetry
