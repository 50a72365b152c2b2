#pragma once

#include "actors/time_source.hpp"
#include "core/serving_clock.hpp"

#include <cstdint>
#include <mutex>

namespace telemetry {

/// The node's serving time (rule 2), in milliseconds. It stands still while producers are not read
/// or the journal is away, because events that wait in sockets must not turn stale meanwhile
/// (PROTOCOL.md §2, ADR 0007).
///
/// Thread-safe.
class serving_time {
public:
  /// Reasons to stand still. They are independent of each other.
  enum class reason : unsigned { not_reading = 1, journal_away = 2 };

  explicit serving_time(const time_source& time) : time_(time) {}

  /// Starts at `start_ms`, unless a reason to stand still is in force.
  void start(std::int64_t start_ms);
  /// Adds a reason. The time stands still until no reason is left. Idempotent.
  void stand_still(reason why);
  /// Removes a reason. Idempotent.
  void go_on(reason why);
  /// Lets time go on, unless the journal is away. Call it if producers are still not read after a
  /// checkpoint, because the rows in memory are then not sealed yet, and only passing time seals
  /// them.
  void go_on_unread();

  [[nodiscard]] std::int64_t now() const;

private:
  void update();

  const time_source& time_;
  mutable std::mutex mutex_; ///< guards the members below
  serving_clock clock_;
  unsigned reasons_ = 0; ///< bits of `reason`
};

} // namespace telemetry
