#pragma once

#include "core/result.hpp"
#include "core/robot_track.hpp"
#include "core/tenure.hpp"
#include "storage/range_ends.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace telemetry {

/// A row of the robot table: the state at the last event that is in the store (rule 16).
struct robot_row {
  std::string name;
  robot_id id = 0;
  robot_state state;
};

/// A robot with a stored row that cannot be read. All other robots can be.
struct damaged_robot {
  std::string name;
  failure why; ///< errc::damaged_row
};

/// A stretch of the robot table.
struct robot_page {
  std::vector<robot_row> rows;
  std::vector<damaged_robot> damaged; ///< robots that are left out of `rows`
};

/// The row of one robot; none if it has none; or errc::damaged_row.
using robot_outcome = result<std::optional<robot_row>>;
/// A stored position; none if there is none; or errc::damaged_row.
using position_outcome = result<std::optional<position>>;

/// The marker of a shard: the start of its replay, and lower bounds for new stamps (rule 22).
struct shard_marker {
  std::uint32_t shard = 0;
  std::uint64_t cut = 0;          ///< the store has every batch up to this number
  std::int64_t arrival_ms = -1;   ///< lower bound for new stamps only; -1: none
  std::int64_t horizon_ms = -1;   ///< lower bound for new stamps only; -1: none
  std::uint64_t last_counter = 0; ///< highest counter given to a robot id of this shard
};

/// The content of a checkpoint. Its markers state that everything else in it is stored.
///
/// After a crash the store has all of it, none of it, or some robots with all their events up to
/// their robot row. In the last case the markers are still the old ones, so that the same batches
/// are replayed.
struct checkpoint {
  struct robot {
    std::string_view name; ///< kept alive by the caller
    robot_id id;
    robot_state state; ///< at the last of rows
    sealed_rows rows;
  };
  std::vector<robot> robots; ///< any order, each robot once
  std::vector<shard_marker> markers;
  /// The tenure of every shard with robots or a marker. Stores with one owner ignore it.
  std::vector<tenure> tenures;
};

/// Reads that a store can answer from memory, in a few microseconds (ADR 0050). They never wait for
/// a disk or a server, nor for a lock whose holder does.
///
/// Thread-safety: any thread may call, also during commit(). Each read sees the same as a read of
/// event_store that starts at the same time.
class cached_reads {
public:
  virtual ~cached_reads() = default;

  /// The row of `name` in the robot table, or an inner nullopt if there is no such row.
  /// @returns nullopt if memory does not have the answer, or the read failed. Then ask event_store.
  [[nodiscard]] virtual std::optional<std::optional<robot_row>>
  cached_robot(std::string_view /*name*/) {
    return std::nullopt;
  }

  /// Like event_store::ends().
  /// @returns nullopt as cached_robot().
  [[nodiscard]] virtual std::optional<range_ends>
  cached_ends(robot_id /*robot*/, timestamp_ms /*from*/, timestamp_ms /*to*/) {
    return std::nullopt;
  }
};

/// Sealed rows of every robot, and the robot table.
///
/// Thread-safety: any thread may read, also during commit(). commit() has one owner, the
/// checkpointer. Blocking: every call may wait for a disk or a server, unless it says otherwise.
/// Errors: through result<>. errc::damaged_row concerns one robot, errc::corrupt concerns all.
class event_store : public cached_reads {
public:
  /// Writes a checkpoint, markers last. Each robot is written atomically, or in steps that each end
  /// at one of its events, with the robot row as of that event. On success the checkpoint is
  /// durable and visible to every read that starts afterwards. The same checkpoint may be committed
  /// again, also after an error. Checks rule 20: new rows are above all stored rows of their robot,
  /// or bit-identical to them.
  /// @returns the robots whose stored rows are damaged, so that rule 20 cannot be checked. If there
  ///          are any, no marker was written. Commit again without them, with markers that keep
  ///          their batches in the journal.
  ///          Or errc::no_space, errc::unavailable (retry the same), errc::sync_failed,
  ///          errc::corrupt (rule 20 is broken: end the process), errc::fenced (other nodes own
  ///          the shards that fenced() names).
  [[nodiscard]] virtual result<std::vector<damaged_robot>> commit(const checkpoint& what) = 0;

  /// The tenures that the last commit() found ended. Commit again without their robots and markers.
  [[nodiscard]] virtual std::vector<tenure> fenced() const { return {}; }

  /// The marker of every shard, ordered by shard. A shard without a checkpoint has cut 0.
  /// last_counter is not below the counter of any robot in the store, even if a crash came between
  /// the robot's row and the marker.
  [[nodiscard]] virtual result<std::vector<shard_marker>> markers() = 0;

  /// Rows of the robot table, one per name, in the order of `names`; nullopt for an absent robot.
  /// @pre `names` are sorted.
  [[nodiscard]] virtual result<std::vector<robot_outcome>>
  robots(std::span<const std::string_view> names) = 0;

  /// At most `limit` robot rows, ordered bytewise by name, with names above `after` ("" is below
  /// all names) and below `before` ("": no bound). Both need not be UTF-8. Damaged rows do not
  /// count.
  [[nodiscard]] virtual result<robot_page>
  scan_robots(std::string_view after, std::string_view before, std::size_t limit) = 0;

  /// floor(): the last row at or before `at`. ceil(): the first row at or after `at`.
  [[nodiscard]] virtual result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at) = 0;
  [[nodiscard]] virtual result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at) = 0;

  /// The first and the last row with from <= timestamp <= to; two nullopt if there is no such row.
  [[nodiscard]] virtual result<range_ends> ends(robot_id robot, timestamp_ms from,
                                                timestamp_ms to) {
    return find_ends(*this, robot, from, to);
  }

  /// The rows with from <= timestamp <= to, in order of timestamp, at most `limit`.
  [[nodiscard]] virtual result<std::vector<event_row>> scan(robot_id robot, timestamp_ms from,
                                                            timestamp_ms to, std::size_t limit) = 0;

  /// Identifies an event in the store.
  struct key {
    robot_id robot;
    timestamp_ms timestamp;
    friend auto operator<=>(const key&, const key&) = default;
  };
  /// The positions of the events `keys`, in the same order; nullopt for an absent event.
  /// @pre `keys` are sorted.
  [[nodiscard]] virtual result<std::vector<position_outcome>> exact(std::span<const key> keys) = 0;

  /// Time for which the server of this store has not answered although it was asked; 0 if it
  /// answers, or no call asks it. Reads and commits are timed apart, because either may hang alone;
  /// the result is the longer time. Stores without a server return 0, because their disk is also
  /// the journal's. Thread-safe; never blocks.
  [[nodiscard]] virtual std::chrono::milliseconds silence() const { return {}; }
};

} // namespace telemetry
