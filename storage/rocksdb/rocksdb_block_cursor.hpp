#pragma once

#include "storage/event_store.hpp"
#include "storage/rocksdb/event_block.hpp"
#include "storage/rocksdb/rocksdb_database.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace telemetry::rocks {

/// Reads rows from the blocks of table events, as of the time of its construction.
///
/// Blocks of one robot follow one another. They overlap only where a commit repeated stored rows
/// (rule 20). Reading is correct there too, because blocks are ordered by their last timestamps and
/// *the first block that ends at or after t holds r, the first row at or after t*.
///
/// Proof. Let D be the oldest block with r. Let B be a block without r that ends at or after t.
/// Then B begins above r, and a block with r comes before B:
/// - B is not older than D, because the rows of D were above all stored rows when D was written.
/// - If B's commit wrote r, the block in which it wrote r ends between t and the begin of B.
/// - Otherwise B's commit began above r. If it began within D, it reached the end of D. Its first
///   block, if full, ends after D, because D is not longer. If not full, it is the whole commit and
///   ends with D at the earliest. Of two blocks with the same end the larger, D, comes first.
///
/// Thread-safety: none. Blocking: yes. Errors: errc::damaged_row, errc::unavailable.
class block_cursor {
public:
  /// @param database, session must outlive this.
  block_cursor(const rocksdb_database& database, const rocksdb_database::session& session);

  /// As event_store. Calls with rising keys stay in the last call's block while it has the row.
  [[nodiscard]] result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at);
  /// As event_store.
  [[nodiscard]] result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at);
  /// As event_store.
  [[nodiscard]] result<range_ends> ends(robot_id robot, timestamp_ms from, timestamp_ms to);
  /// As event_store, into `rows`. @pre `rows` is empty.
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
  bool at_block_ = false; ///< whether block_ is a block of robot_
  robot_id robot_ = 0;
  timestamp_ms decoded_above_ = 0; ///< block_ can no longer decode rows before this timestamp
  event_block_reader block_;
};

} // namespace telemetry::rocks
