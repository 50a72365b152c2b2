#pragma once

#include "storage/event_store.hpp"

#include <unordered_set>

namespace telemetry {

/// Checks rule 20 for one robot of a checkpoint: its rows are in order and end at its state, and
/// they lie above all rows that `stored` holds of it, or are bit-identical to them. One seek; a
/// scan of the rows that are there already.
/// @returns errc::corrupt naming the robot and the row; errc::damaged_row if a stored row cannot be
///          read; or another failure of the read.
[[nodiscard]] result<void> check_final_rows(const checkpoint::robot& robot, event_store& stored);

/// Rule 20 for the robots of whole checkpoints: for all of them in a Debug build; otherwise for a
/// few, others each time, since each takes a seek or a query. A robot whose rows were damaged is
/// checked each time until they are not.
///
/// Thread-safety: none; for whoever commits.
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

  std::size_t next_ = 0; ///< where the next check starts, counted over all checkpoints
  std::unordered_set<robot_id> suspects_; ///< damaged when they were checked last
};

/// The robots of `what` with damaged rows, after a look at each.
/// @returns as checkpoint_check.
[[nodiscard]] result<std::vector<damaged_robot>> find_damaged(const checkpoint& what,
                                                              event_store& stored);

} // namespace telemetry
