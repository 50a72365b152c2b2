#pragma once

#include <cstdint>

namespace telemetry {

/// The outcome of an event, and its answer (PROTOCOL.md §2 and §3).
enum class verdict : std::uint8_t {
  pending,   ///< not known yet: being committed, robot still loading, or being looked up
  accepted,  ///< stored; answer OK
  duplicate, ///< accepted before, at the same position; answer OK
  conflict,  ///< accepted before, at another position; answer CONFLICT
  sealed,    ///< at or below the seal point and not in memory; look it up in the store
  stale,     ///< at or below the seal point and not stored; answer STALE
  damaged,   ///< a stored row that decides is damaged; answer ERR, though the event may be kept
};

} // namespace telemetry
