#pragma once

#include "core/late_rows.hpp"
#include "core/robot_state.hpp"
#include "core/verdict.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace telemetry {

/// The stamp of a batch: how time reaches a robot (rules 1-4 and 9).
struct batch_stamp {
  std::uint64_t batch_no;
  std::int64_t arrival_ms; ///< serving time of the node
  std::int64_t horizon_ms; ///< arrival minus the reorder window, as journaled
  wall_ms wall;            ///< for created/updated only
};

/// Rows on their way to the store: immutable, shared by the robot and the checkpointer.
using sealed_rows = std::shared_ptr<const std::vector<track_row>>;

/// The events of one robot that are not in the store yet: order, window, odometer (docs/RULES.md,
/// rules 9-17). Pure: no clock, no I/O, no actor.
///
/// Memory is [taken | sealed | unsealed], each in timestamp order and each above the one before.
/// An event far below the newest one waits in late_rows. The first call that reads rows merges all
/// that wait and folds the odometers once, from the lowest of them. Hence reads are not const.
/// Thread-safety: none; `sealed_rows` handed out may be read on any thread.
class robot_track {
public:
  /// A robot without events.
  robot_track() = default;
  /// A robot whose sealed events up to `stored` are all in the store.
  explicit robot_track(const robot_state& stored);

  /// Seals by the horizon, then judges (rule 11). `at` becomes part of the path if the answer is
  /// verdict::accepted; otherwise nothing changes. Amortised O(1) for an event in order,
  /// O(log(events in memory)) for one that lands inside the window.
  /// @returns accepted, duplicate, conflict or sealed.
  [[nodiscard]] verdict offer(timestamp_ms timestamp, const position& at, const batch_stamp& stamp);

  /// Has the processor fetch what the next offer() of an event in order touches.
  void prefetch() const noexcept {
    __builtin_prefetch(rows_.data() + rows_.size(), 1);
    __builtin_prefetch(marks_.data() + marks_head_);
    __builtin_prefetch(marks_.data() + marks_.size(), 1);
  }

  /// Seals everything at or below the largest timestamp that arrived by `horizon_ms` (rule 10).
  void seal(std::int64_t horizon_ms);

  /// Largest timestamp that is final; -1 if none.
  [[nodiscard]] timestamp_ms seal_point() const noexcept;

  /// The state at the latest event. @pre !empty()
  [[nodiscard]] robot_state latest();

  /// No event was ever stored or accepted.
  [[nodiscard]] bool empty() const noexcept;

  /// Nothing unsealed, nothing sealed and unstored: it may be passivated (rule 27).
  [[nodiscard]] bool clean() const noexcept;
  [[nodiscard]] bool has_unsealed() const noexcept;

  /// Rows held in memory: taken, sealed and unsealed.
  [[nodiscard]] std::size_t rows() const noexcept;

  /// What a checkpoint takes of one robot (rule 16).
  struct taken {
    sealed_rows rows;  ///< never empty
    robot_state state; ///< at the last of `rows`
  };
  /// Hands out all sealed rows; they stay readable here until release(). Call seal() first.
  /// @returns nullptr rows if there is nothing sealed. @pre no rows are taken (rule 18).
  [[nodiscard]] taken take();

  /// The rows taken are in the store and visible there (rule 21).
  void release() noexcept;

  /// Lowest batch_no of a row that is neither taken nor released; UINT64_MAX if none (rule 17).
  [[nodiscard]] std::uint64_t lowest_untaken_batch();

  /// Appends the rows in memory with from <= timestamp <= to, at most `limit`, in order.
  void copy_rows(timestamp_ms from, timestamp_ms to, std::size_t limit,
                 std::vector<event_row>& out);

  /// The last row in memory at or before `timestamp`.
  [[nodiscard]] std::optional<event_row> last_row(timestamp_ms timestamp);

  /// Every row above this timestamp is in memory; the others are in the store. -1: none there.
  [[nodiscard]] timestamp_ms stored_upto() const noexcept;

private:
  /// Everything that arrived by `arrival_ms` is at or below `timestamp_max`: what seal() needs.
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

  // Small, since a million robots may be alive; without rows it owns no heap memory. What offer()
  // touches comes first.
  std::vector<arrival_mark> marks_; ///< of unsealed rows; both members rise strictly
  std::size_t marks_head_ = 0;      ///< marks before this one are spent
  timestamp_ms seal_point_ = -1;    ///< where in rows_ sealed ends and unsealed begins
  std::vector<track_row> rows_;     ///< [sealed | unsealed]
  wall_ms created_ = 0;             ///< over base_ and rows_
  wall_ms updated_ = 0;             ///< over base_ and rows_
  robot_state base_;                ///< before rows_: at the last row taken, or stored
  sealed_rows taken_;               ///< out for a checkpoint; null if none
  /// Unsealed when they came, and below the last of rows_. While there are any, the odometers of
  /// rows_ above the lowest of them are not valid. Null if none.
  std::unique_ptr<late_rows> late_;
};

} // namespace telemetry
