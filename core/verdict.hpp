#pragma once

#include <cstdint>

namespace telemetry {

/// The outcome of an event, and its answer (PROTOCOL.md §2 and §3). Two values are no outcomes, and
/// no producer gets them: `pending` stands in a slice until the outcome is known, and `sealed` is
/// what robot_track::offer() returns when only the store knows the outcome.
///
/// accepted, duplicate, conflict and sealed come from robot_track.cpp; stale, damaged, duplicate
/// and conflict of a sealed event from reader::look_up(); damaged of a robot that cannot be loaded
/// from shard.cpp. The texts of the answers are in connection.cpp (WebSocket) and the counts in
/// ingest.cpp (POST); both switch over this enum.
enum class verdict : std::uint8_t {
  pending,   ///< not known yet: being committed, robot still loading, or being looked up
  accepted,  ///< stored; answer OK
  duplicate, ///< accepted before, at the same position; answer OK
  conflict,  ///< accepted before, at another position; answer CONFLICT
  sealed,    ///< at or below the seal point and not in memory; the store is asked next
  stale,     ///< at or below the seal point and not stored; answer STALE
  damaged,   ///< a stored row that decides is damaged; answer ERR, though the event may be kept
};

} // namespace telemetry
