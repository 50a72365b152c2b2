#pragma once

#include "actors/time_source.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>

namespace telemetry {

/// Deadlines of all open questions, in one list with one timer. (A CAF time-out per request would
/// wake the thread of CAF's clock twice.)
///
/// All questions have the same time-out. Therefore their deadlines pass in the order in which they
/// began. Thread-safe.
class query_deadlines {
public:
  struct waiting {
    caf::actor_addr who;  ///< gets an expired_atom with `number` after the deadline
    std::uint64_t number; ///< of the question
  };
  struct entry {
    std::int64_t due_ms; ///< steady time
    waiting what;
  };
  using place = std::list<entry>::iterator;

  query_deadlines(const time_source& time, std::chrono::milliseconds patience)
      : time_(time), patience_(patience) {}

  /// Spawns the actor that owns the timer.
  void start(caf::actor_system& system);
  /// Releases the actor. No deadline is reported any more.
  void stop();

  /// Starts the deadline of a question. @returns its place, for end().
  [[nodiscard]] place begin(waiting what);
  /// Ends the deadline of a question that is answered.
  void end(place where);

  [[nodiscard]] const caf::actor& timer() const noexcept { return timer_; }

private:
  void sweep();

  const time_source& time_;
  const std::chrono::milliseconds patience_;
  caf::actor timer_;
  std::mutex mutex_; ///< guards the next two members
  std::list<entry> entries_;
  bool is_armed_ = false; ///< whether a sweep is scheduled
};

} // namespace telemetry
