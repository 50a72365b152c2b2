#pragma once

#include "storage/event_store.hpp"

#include <unordered_set>

namespace telemetry {

/// Checks rule 20 for one robot of a checkpoint: its rows are in order and end at its state, and
/// they lie above all rows of the robot in `stored`, or are bit-identical to them. Takes one seek,
/// and a scan of those rows that are stored already. Blocks as `stored` does.
/// @returns errc::corrupt with the robot and the row, errc::damaged_row if a stored row cannot be
///          decoded, or another failure of the read.
[[nodiscard]] result<void> check_final_rows(const checkpoint::robot& robot, event_store& stored);

/// Checks rule 20 for whole checkpoints. A Debug build checks all robots. Other builds check 16
/// robots per checkpoint, different ones each time, because each takes a seek or a query.
/// A robot whose rows were damaged is checked each time until they are not.
///
/// Thread-safety: none. The owner is the thread that commits.
class checkpoint_check {
public:
  /// @returns the robots with damaged rows; or another failure of check_final_rows(), for the first
  ///          robot that has one.
  [[nodiscard]] result<std::vector<damaged_robot>> operator()(const checkpoint& what,
                                                              event_store& stored);

private:
  friend result<std::vector<damaged_robot>> find_damaged(const checkpoint&, event_store&);
  [[nodiscard]] result<std::vector<damaged_robot>> check(const checkpoint& what,
                                                         event_store& stored, std::size_t most);

  std::size_t next_ = 0; ///< index at which the next check starts, counted over all checkpoints
  std::unordered_set<robot_id> suspects_; ///< damaged when they were checked last
};

/// The robots of `what` with damaged rows, after a look at each.
/// @returns as checkpoint_check.
[[nodiscard]] result<std::vector<damaged_robot>> find_damaged(const checkpoint& what,
                                                              event_store& stored);

} // namespace telemetry
