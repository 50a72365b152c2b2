#pragma once

#include "core/late_rows.hpp"
#include "core/robot_state.hpp"
#include "core/verdict.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace telemetry {

/// The stamp of a batch. All times of a robot come from stamps (rules 1-4 and 9).
struct batch_stamp {
  std::uint64_t batch_no;
  std::int64_t arrival_ms; ///< serving time of the node
  std::int64_t horizon_ms; ///< serving time; journal_writer::stamp() applies the reorder window
  wall_ms wall;            ///< for created/updated only
};

/// Rows that a checkpoint writes: immutable, owned by the robot and the checkpointer together.
using sealed_rows = std::shared_ptr<const std::vector<track_row>>;

/// Orders, seals and measures the events of one robot that are not in the store yet
/// (docs/RULES.md, rules 9-17). Pure: no clock, no I/O, no actor.
///
/// The reorder window is not applied here. journal_writer::stamp() subtracts it from the arrival
/// and writes the result into the stamp as the horizon; seal() only compares with that.
///
/// Memory is [taken | sealed | unsealed], each in timestamp order and each above the one before.
/// An event far below the newest one waits in late_rows. The next call that reads rows merges all
/// waiting events and folds the odometers once, from the lowest of them on. Therefore reads are not
/// const.
/// Thread-safety: none; `sealed_rows` handed out may be read on any thread.
class robot_track {
public:
  /// A robot without events.
  robot_track() = default;
  /// A robot whose sealed events up to `stored` are all in the store.
  explicit robot_track(const robot_state& stored);

  /// Seals by the horizon, then judges the event (rule 11). `at` becomes part of the path only if
  /// the verdict is accepted. Amortised O(1) for an event in order, O(log(events in memory)) for an
  /// event inside the window.
  /// @returns accepted, duplicate, conflict or sealed; never stale. reader::look_up() looks a
  /// sealed event up in the store, and decides whether it is stale.
  [[nodiscard]] verdict offer(timestamp_ms timestamp, const position& at, const batch_stamp& stamp);

  /// Tells the processor to fetch the memory that the next offer() of an event in order touches.
  void prefetch() const noexcept {
    __builtin_prefetch(rows_.data() + rows_.size(), 1);
    __builtin_prefetch(marks_.data() + marks_head_);
    __builtin_prefetch(marks_.data() + marks_.size(), 1);
  }

  /// Seals every event at or below the largest timestamp that arrived at or before `horizon_ms`
  /// (rule 10).
  void seal(std::int64_t horizon_ms);

  /// Largest timestamp that is final; -1 if none.
  [[nodiscard]] timestamp_ms seal_point() const noexcept;

  /// The state at the latest event. @pre !empty()
  [[nodiscard]] robot_state latest();

  /// Whether no event was ever stored or accepted.
  [[nodiscard]] bool empty() const noexcept;

  /// Whether all events are in the store, so that the robot may be passivated (rule 27).
  [[nodiscard]] bool clean() const noexcept;
  [[nodiscard]] bool has_unsealed() const noexcept;

  /// Number of rows in memory: taken, sealed and unsealed.
  [[nodiscard]] std::size_t rows() const noexcept;

  /// The part of one robot that a checkpoint takes (rule 16).
  struct taken {
    sealed_rows rows;  ///< nullptr, or not empty
    robot_state state; ///< at the last of `rows`
  };
  /// Hands out all sealed rows; they stay readable here until release(). Call seal() first.
  /// @returns nullptr as rows if no row is sealed. @pre no rows are taken (rule 18).
  [[nodiscard]] taken take();

  /// Drops the taken rows. @pre they are durable and visible in the store (rule 21).
  void release() noexcept;

  /// Lowest batch_no of a row in memory that is not taken; UINT64_MAX if there is none (rule 17).
  [[nodiscard]] std::uint64_t lowest_untaken_batch();

  /// Appends to `out` the rows in memory with from <= timestamp <= to, at most `limit`, in order.
  void copy_rows(timestamp_ms from, timestamp_ms to, std::size_t limit,
                 std::vector<event_row>& out);

  /// The last row in memory at or before `timestamp`, if there is one.
  [[nodiscard]] std::optional<event_row> last_row(timestamp_ms timestamp);

  /// Rows above this timestamp are in memory, the others in the store. -1 if the store has none.
  [[nodiscard]] timestamp_ms stored_upto() const noexcept;

private:
  /// Every event that arrived by `arrival_ms` is at or below `timestamp_max`. seal() reads this.
  struct arrival_mark {
    std::int64_t arrival_ms;
    timestamp_ms timestamp_max;
  };

  [[nodiscard]] timestamp_ms last_timestamp() const noexcept;
  [[nodiscard]] verdict offer_late(const track_row& row);
  [[nodiscard]] const track_row* find_held(timestamp_ms timestamp) const;
  void place_late(const track_row& row);
  void settle();
  void note_arrival(timestamp_ms timestamp, std::int64_t arrival_ms);
  void note_wall(wall_ms wall) noexcept;
  void fold_from(std::size_t index) noexcept;

  // The object is small, and without rows it owns no heap memory, because a million robots may be
  // in memory. The members that offer() touches come first.
  std::vector<arrival_mark> marks_; ///< of unsealed rows; both members rise strictly
  std::size_t marks_head_ = 0;      ///< index of the first mark that is not spent
  timestamp_ms seal_point_ = -1;    ///< rows_ at or below it are sealed, the others unsealed
  std::vector<track_row> rows_;     ///< [sealed | unsealed]
  wall_ms created_ = 0;             ///< over base_ and rows_
  wall_ms updated_ = 0;             ///< over base_ and rows_
  robot_state base_;                ///< at the last taken or stored row, which rows_ follow
  sealed_rows taken_;               ///< handed out to a checkpoint; null if none
  /// Events that were unsealed when they arrived, and are below the last of rows_. Null if none.
  /// Otherwise the odometers of rows_ above the lowest of them are not valid.
  std::unique_ptr<late_rows> late_;
};

} // namespace telemetry
