#pragma once

#include "core/result.hpp"
#include "core/robot_track.hpp"
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

/// The marker of a shard: where its replay starts, and floors for what is new (rule 22).
struct shard_marker {
  std::uint32_t shard = 0;
  std::uint64_t cut = 0;          ///< every batch up to here is in the store
  std::int64_t arrival_ms = -1;   ///< floor for new stamps only; -1: none
  std::int64_t horizon_ms = -1;   ///< floor for new stamps only
  std::uint64_t last_counter = 0; ///< highest counter given to a robot id of this shard
};

/// What a checkpoint writes. Its markers promise all the rest of it: to a restart it is all or
/// nothing, or robots whose events are all there up to their row, below markers that replay the
/// same again.
struct checkpoint {
  struct robot {
    std::string_view name; ///< kept alive by the caller
    robot_id id;
    robot_state state; ///< at the last of rows
    sealed_rows rows;
  };
  std::vector<robot> robots; ///< any order, each robot once
  std::vector<shard_marker> markers;
};

/// What a store can tell out of memory, at once: nothing here waits for a disk or a server, nor for
/// a lock that is held while somebody does. Few microseconds.
///
/// Thread-safety: from any thread, beside one writer. Each read sees the same as one of event_store
/// that starts then.
class cached_reads {
public:
  virtual ~cached_reads() = default;

  /// The row of `name` in the robot table, if there is one.
  /// @returns nothing: it takes more than memory, or has failed. event_store tells.
  [[nodiscard]] virtual std::optional<std::optional<robot_row>>
  cached_robot(std::string_view /*name*/) {
    return std::nullopt;
  }

  /// As event_store::ends().
  /// @returns nothing: as above.
  [[nodiscard]] virtual std::optional<range_ends>
  cached_ends(robot_id /*robot*/, timestamp_ms /*from*/, timestamp_ms /*to*/) {
    return std::nullopt;
  }
};

/// Final rows of every robot, and the robot table.
///
/// Thread-safety: reads from any thread, beside one writer; commit() by one owner, the
/// checkpointer. Blocking: every call may wait for the disk. Errors: through result<>. A row that
/// cannot be decoded is errc::damaged_row and concerns its robot alone; errc::corrupt concerns all.
class event_store : public cached_reads {
public:
  /// Writes a checkpoint: per robot atomically (or up to one of its events, with the robot row as
  /// of that event), markers last. On return it is visible to every read that starts then, and
  /// durable. Repeating one is harmless, also after an error. Asserts rule 20: rows above all rows
  /// of their robot, or bit-identical to what is there.
  /// @returns the robots whose stored rows are damaged, so that rule 20 cannot be checked. If there
  ///          are any, no marker was written: commit again without them, with markers that keep
  ///          their batches in the journal.
  ///          Or errc::no_space, errc::unavailable (retry the same), errc::sync_failed,
  ///          errc::corrupt (rule 20 is broken: end the process), errc::fenced (another process has
  ///          the store).
  [[nodiscard]] virtual result<std::vector<damaged_robot>> commit(const checkpoint& what) = 0;

  /// The marker of every shard, ordered by shard; shards never checkpointed have cut 0.
  /// last_counter is at least that of every robot in the store, also of one whose marker was not
  /// written yet.
  [[nodiscard]] virtual result<std::vector<shard_marker>> markers() = 0;

  /// Rows of the robot table, one per name and in the order of `names`, which are sorted.
  [[nodiscard]] virtual result<std::vector<robot_outcome>>
  robots(std::span<const std::string_view> names) = 0;

  /// Robot rows by name (bytewise) after `after` (exclusive; "" is before all), at most `limit`.
  /// Rows that are damaged do not count.
  [[nodiscard]] virtual result<robot_page> scan_robots(std::string_view after,
                                                       std::size_t limit) = 0;

  /// The last row at or before `at`, the first at or after it.
  [[nodiscard]] virtual result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at) = 0;
  [[nodiscard]] virtual result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at) = 0;

  /// The first and the last row with from <= timestamp <= to; neither if there is none.
  [[nodiscard]] virtual result<range_ends> ends(robot_id robot, timestamp_ms from,
                                                timestamp_ms to) {
    return find_ends(*this, robot, from, to);
  }

  /// Rows with from <= timestamp <= to, in order, at most `limit`.
  [[nodiscard]] virtual result<std::vector<event_row>> scan(robot_id robot, timestamp_ms from,
                                                            timestamp_ms to, std::size_t limit) = 0;

  /// An event's identity in the store.
  struct key {
    robot_id robot;
    timestamp_ms timestamp;
    friend auto operator<=>(const key&, const key&) = default;
  };
  /// The positions at `keys`, which are sorted, in their order.
  [[nodiscard]] virtual result<std::vector<position_outcome>> exact(std::span<const key> keys) = 0;

  /// For how long a server below has been asked without answering anything; 0 if it answers, or
  /// nobody asks. Of reads and of commits, which may hang alone, the longer time. Engines without a
  /// server never say so: their disk is the journal's too. Thread-safe, returns at once.
  [[nodiscard]] virtual std::chrono::milliseconds silence() const { return {}; }
};

} // namespace telemetry
