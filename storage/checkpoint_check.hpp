#pragma once

#include "storage/event_store.hpp"

namespace telemetry {

/// Checks rule 20 for one robot of a checkpoint: its rows are in order and end at its state, and
/// they lie above all rows that `stored` holds of it, or are bit-identical to them. One seek; a
/// scan of the rows that are there already.
/// @returns errc::corrupt naming the robot and the row, or the failure of the read.
[[nodiscard]] result<void> check_final_rows(const checkpoint::robot& robot, event_store& stored);

/// Rule 20 for the robots of whole checkpoints: for all of them in a Debug build; otherwise for a
/// few, others each time, since each takes a seek or a query.
///
/// Thread-safety: none; for whoever commits.
class checkpoint_check {
public:
  /// @returns as check_final_rows(), for the first robot that fails.
  [[nodiscard]] result<void> operator()(const checkpoint& what, event_store& stored);

private:
  std::size_t next_ = 0; ///< where the next check starts, counted over all checkpoints
};

} // namespace telemetry
