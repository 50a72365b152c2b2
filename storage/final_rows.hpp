#pragma once

#include "storage/event_store.hpp"

namespace telemetry::detail {

/// Checks rule 20 for one robot of a checkpoint: its rows are in order and end at its state, and
/// they lie above all rows that `stored` holds of it, or are bit-identical to them. One seek; a
/// scan of the rows that are there already.
/// @returns errc::corrupt naming the robot and the row, or the failure of the read.
[[nodiscard]] result<void> check_final_rows(const checkpoint::robot& robot, event_store& stored);

} // namespace telemetry::detail
