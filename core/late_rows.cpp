#include "core/late_rows.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace telemetry {
namespace {

/// The first of `rows` at or after `timestamp`.
std::vector<track_row>::iterator first_from(std::vector<track_row>& rows, timestamp_ms timestamp) {
  return std::lower_bound(
      rows.begin(), rows.end(), timestamp,
      [](const track_row& row, timestamp_ms value) { return row.event.timestamp < value; });
}

} // namespace

late_rows::late_rows(const track_row& row) : recent_(chunks_.emplace(0, chunk{row}).first) {}

late_rows::chunk& late_rows::chunk_for(timestamp_ms timestamp) {
  const auto after = std::next(recent_);
  if (timestamp < recent_->first || (after != chunks_.end() && timestamp >= after->first)) {
    recent_ = std::prev(chunks_.upper_bound(timestamp));
  }
  return recent_->second;
}

const track_row* late_rows::find(timestamp_ms timestamp) {
  chunk& rows = chunk_for(timestamp);
  const auto found = first_from(rows, timestamp);
  return found != rows.end() && found->event.timestamp == timestamp ? &*found : nullptr;
}

void late_rows::insert(const track_row& row) {
  const timestamp_ms timestamp = row.event.timestamp;
  chunk* rows = &chunk_for(timestamp);
  ++size_;
  if (rows->size() == chunk_rows_max) {
    if (timestamp > rows->back().event.timestamp && std::next(recent_) == chunks_.end()) {
      recent_ = chunks_.emplace_hint(chunks_.end(), timestamp, chunk{row});
      return;
    }
    // A row below the whole chunk gets a new chunk, so that falling timestamps leave full chunks.
    const bool is_below = timestamp < rows->front().event.timestamp;
    split_recent(is_below ? 0 : chunk_rows_max / 2);
    rows = &chunk_for(timestamp);
  }
  const auto place = first_from(*rows, timestamp);
  assert(place == rows->end() || place->event.timestamp != timestamp);
  detail::rows_moved += static_cast<std::uint64_t>(rows->end() - place);
  rows->insert(place, row);
}

/// Moves the rows of recent_ from index `at` on into a new chunk above it. With `at` 0, recent_ is
/// left empty, and the caller must insert a row into it.
void late_rows::split_recent(std::size_t at) {
  chunk& rows = recent_->second;
  const timestamp_ms key = rows[at].event.timestamp;
  chunk upper;
  if (at == 0) {
    upper.swap(rows);
  } else {
    const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(at);
    detail::rows_moved += static_cast<std::uint64_t>(rows.end() - middle);
    upper.reserve(chunk_rows_max);
    upper.assign(middle, rows.end());
    rows.erase(middle, rows.end());
  }
  chunks_.emplace_hint(std::next(recent_), key, std::move(upper));
}

std::size_t late_rows::merge_into(std::vector<track_row>& rows) {
  std::size_t unmoved = rows.size();
  rows.resize(unmoved + size_);
  std::size_t end = rows.size();
  for (auto part = chunks_.rbegin(); part != chunks_.rend(); ++part) {
    for (auto late = part->second.rbegin(); late != part->second.rend(); ++late) {
      while (unmoved > 0 && rows[unmoved - 1].event.timestamp > late->event.timestamp) {
        rows[--end] = rows[--unmoved];
      }
      rows[--end] = *late;
    }
  }
  assert(end == unmoved);
  detail::rows_moved += rows.size() - end;
  return end;
}

} // namespace telemetry
