#pragma once

#include "actors/time_source.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>

namespace telemetry {

/// Until when questions under way may wait: one list and one timer for all. (A time-out of CAF's
/// own for each request would wake the thread of its clock twice.)
///
/// All wait equally long, so they are due in the order in which they began.
/// Thread-safe.
class query_deadlines {
public:
  struct waiting {
    caf::actor_addr who;  ///< gets an expired_atom when it is due,
    std::uint64_t number; ///< with this number
  };
  struct entry {
    std::int64_t due_ms; ///< steady time
    waiting what;
  };
  using place = std::list<entry>::iterator;

  query_deadlines(const time_source& time, std::chrono::milliseconds patience)
      : time_(time), patience_(patience) {}

  /// Spawns the actor that has the timer.
  void start(caf::actor_system& system);
  /// Lets go of it. Nothing is due any more.
  void stop();

  /// Somebody begins to wait. @returns its place, for end().
  [[nodiscard]] place begin(waiting what);
  void end(place where);

  [[nodiscard]] const caf::actor& timer() const noexcept { return timer_; }

private:
  void sweep();

  const time_source& time_;
  const std::chrono::milliseconds patience_;
  caf::actor timer_;
  std::mutex mutex_; ///< of the next two
  std::list<entry> entries_;
  bool is_armed_ = false; ///< a sweep is due
};

} // namespace telemetry
