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
  /// Why it may stand still. Each reason comes and goes by itself.
  enum class reason : unsigned { not_reading = 1, journal_away = 2 };

  explicit serving_time(const time_source& time) : time_(time) {}

  /// Starts at `start_ms`, unless a reason to stand still is in force.
  void start(std::int64_t start_ms);
  /// Stands still until `why` and every other reason are gone. Idempotent.
  void stand_still(reason why);
  /// `why` is gone. Idempotent.
  void go_on(reason why);
  /// Producers are not read although a checkpoint is done: what fills memory is not sealed yet, and
  /// only passing time seals it. Therefore time goes on, unless the journal is away.
  void go_on_unread();

  [[nodiscard]] std::int64_t now() const;

private:
  void update();

  const time_source& time_;
  mutable std::mutex mutex_; ///< guards what follows
  serving_clock clock_;
  unsigned reasons_ = 0; ///< bits of `reason`
};

} // namespace telemetry
