#pragma once

#include "core/robot_state.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace telemetry {

/// A row in memory, and the batch and wall time that a checkpoint needs.
struct track_row {
  event_row event;
  std::uint64_t batch_no; ///< number of the batch that contained the event
  wall_ms wall;
};

namespace detail {
/// For tests and benches: number of rows that this thread moved or folded again because an event
/// came out of order. An event in order adds 0.
inline thread_local std::uint64_t rows_moved = 0;
} // namespace detail

/// Rows of one robot that came out of order, sorted by timestamp, until robot_track merges them
/// into its other rows. Their odometers are not folded yet.
///
/// The rows are in chunks of at most `chunk_rows_max`, so that an insert moves rows of one chunk
/// only. The chunk of the last look-up is tried first, because a producer whose timestamps fall, or
/// that fills a gap, mostly stays in one chunk. Thread-safety: none.
class late_rows {
public:
  static constexpr std::size_t chunk_rows_max = 32;

  /// Starts with one row.
  explicit late_rows(const track_row& row);
  late_rows(const late_rows&) = delete; // recent_ points into chunks_
  late_rows& operator=(const late_rows&) = delete;

  /// The row with this timestamp, or nullptr. Valid until the next insert().
  [[nodiscard]] const track_row* find(timestamp_ms timestamp);
  /// Takes O(log n + chunk_rows_max). @pre no row has the timestamp of `row`.
  void insert(const track_row& row);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Merges all rows into `rows`. Moves only those of `rows` that are above the lowest merged row.
  /// Call it once, and destroy this object afterwards.
  /// @pre `rows` are sorted and contain none of the timestamps here.
  /// @returns the index in `rows` of the lowest merged row.
  std::size_t merge_into(std::vector<track_row>& rows);

private:
  using chunk = std::vector<track_row>;
  using chunk_map = std::map<timestamp_ms, chunk>;

  [[nodiscard]] chunk& chunk_for(timestamp_ms timestamp);
  void split_recent(std::size_t at);

  /// The key is the lowest timestamp that belongs into the chunk; 0 for the first chunk. No chunk
  /// is empty.
  chunk_map chunks_;
  chunk_map::iterator recent_; ///< the chunk of the last look-up
  std::size_t size_ = 1;
};

} // namespace telemetry
