#pragma once

#include <cstdint>

namespace telemetry {

/// What became of an event (PROTOCOL.md §2).
enum class verdict : std::uint8_t {
  pending,   ///< not known yet: being committed, robot still loading, or being looked up
  accepted,  ///< stored: OK
  duplicate, ///< held already, same position: OK
  conflict,  ///< another position holds this robot's millisecond: CONFLICT
  sealed,    ///< at or below the seal point and not in memory: look it up in the store
  stale,     ///< at or below the seal point and not stored: STALE
  damaged,   ///< a stored row that decides is damaged: ERR, though it may be kept
};

} // namespace telemetry
