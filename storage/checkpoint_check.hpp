#pragma once

#include "storage/event_store.hpp"

namespace telemetry {

/// Checks rule 20 for one robot of a checkpoint: its rows are in order and end at its state, and
/// they lie above all rows of the robot in `stored`, or are bit-identical to them. Takes one seek,
/// and a scan of those rows that are stored already. Blocks as `stored` does.
/// @returns errc::corrupt with the robot and the row, or the failure of the read.
[[nodiscard]] result<void> check_final_rows(const checkpoint::robot& robot, event_store& stored);

/// Checks rule 20 for whole checkpoints. A Debug build checks all robots. Other builds check 16
/// robots per checkpoint, different ones each time, because each takes a seek or a query.
///
/// Thread-safety: none. The owner is the thread that commits.
class checkpoint_check {
public:
  /// @returns as check_final_rows(), for the first robot that fails.
  [[nodiscard]] result<void> operator()(const checkpoint& what, event_store& stored);

private:
  std::size_t next_ = 0; ///< index at which the next check starts, counted over all checkpoints
};

} // namespace telemetry
