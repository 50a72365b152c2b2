#pragma once

#include "storage/event_store.hpp"
#include "storage/rocksdb/event_block.hpp"
#include "storage/rocksdb/rocksdb_database.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace telemetry::rocks {

/// Reads rows out of the blocks of table events, as of when it was made.
///
/// Blocks of one robot follow one another. They overlap only where a commit repeated rows that were
/// stored already (rule 20), and reading is right then too, since they are ordered by their last
/// timestamps: *the first block that ends at or after t holds the first row at or after t*. For let
/// r be that row, D the oldest block with it, and B one without it that ends at or after t, so that
/// B begins above r. B is not older than D, whose rows were above all others once. If B's commit
/// wrote r, then in a block that ends between t and B. If not, it began above r, in the midst of D,
/// and reached the end of D: its first block is full, and ends behind D, which is no longer; or it
/// is all of the commit, and ends with D at the earliest, where the larger block comes first.
///
/// Thread-safety: none. Blocking: yes. Errors: errc::damaged_row, errc::unavailable.
class block_cursor {
public:
  /// @param database, session must outlive this.
  block_cursor(const rocksdb_database& database, const rocksdb_database::session& session);

  /// As event_store. Calls with rising keys go on in the block that the last one
  /// read, if the row is there.
  [[nodiscard]] result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at);
  /// As event_store.
  [[nodiscard]] result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at);
  /// As event_store.
  [[nodiscard]] result<range_ends> ends(robot_id robot, timestamp_ms from, timestamp_ms to);
  /// As event_store, into `rows`, which are none yet.
  [[nodiscard]] result<void> scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                                  std::size_t limit, std::vector<event_row>& rows);

private:
  [[nodiscard]] result<bool> seek(robot_id robot, timestamp_ms at);
  [[nodiscard]] result<bool> seek_before(robot_id robot, timestamp_ms at);
  [[nodiscard]] result<bool> open_block();
  [[nodiscard]] result<void> decode_to(timestamp_ms at);
  [[nodiscard]] failure damaged();

  const rocksdb_database& database_;
  std::unique_ptr<rocksdb::Iterator> blocks_;
  bool at_block_ = false; ///< block_ is one of robot_'s
  robot_id robot_ = 0;
  timestamp_ms decoded_above_ = 0; ///< rows before this one may be decoded and gone
  event_block_reader block_;
};

} // namespace telemetry::rocks
