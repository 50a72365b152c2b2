#include "core/robot_track.hpp"

#include "core/odometer.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

namespace telemetry {
namespace {

/// An event that belongs among this many last rows is moved into place at once.
constexpr std::size_t near_rows = 16;

/// The first of `rows` at or after `timestamp`; end() if there is none.
std::vector<track_row>::const_iterator first_from(const std::vector<track_row>& rows,
                                                  timestamp_ms timestamp) noexcept {
  return std::lower_bound(
      rows.begin(), rows.end(), timestamp,
      [](const track_row& row, timestamp_ms value) { return row.event.timestamp < value; });
}

} // namespace

robot_track::robot_track(const robot_state& stored)
    : seal_point_(stored.last_timestamp), created_(stored.created), updated_(stored.updated),
      base_(stored) {
  assert((stored.events > 0) == (stored.last_timestamp >= 0));
}

verdict robot_track::offer(timestamp_ms timestamp, const position& at, const batch_stamp& stamp) {
  assert(timestamp >= 0 && timestamp <= timestamp_max);
  assert(std::abs(at.x) <= coordinate_max && std::abs(at.y) <= coordinate_max);
  seal(stamp.horizon_ms); // rule 11: seal first, then judge
  const track_row row{{timestamp, at, 0}, stamp.batch_no, stamp.wall};
  if (timestamp > last_timestamp()) {
    rows_.push_back(row);
    fold_from(rows_.size() - 1);
    note_arrival(timestamp, stamp.arrival_ms);
  } else if (const verdict late = offer_late(row); late != verdict::accepted) {
    return late;
  }
  note_wall(stamp.wall);
  return verdict::accepted;
}

/// offer() of an event that is not above all others. It needs no arrival mark, because it is sealed
/// together with an event above it.
verdict robot_track::offer_late(const track_row& row) {
  if (const track_row* held = find_held(row.event.timestamp)) {
    return held->event.at == row.event.at ? verdict::duplicate : verdict::conflict;
  }
  if (row.event.timestamp <= seal_point_) {
    return verdict::sealed;
  }
  place_late(row);
  return verdict::accepted;
}

/// The row with this timestamp in memory (unsealed, sealed or taken; rule 11), or nullptr.
const track_row* robot_track::find_held(timestamp_ms timestamp) const {
  const bool in_rows = !rows_.empty() && timestamp >= rows_.front().event.timestamp;
  if (in_rows || taken_) {
    const std::vector<track_row>& rows = in_rows ? rows_ : *taken_;
    const auto found = first_from(rows, timestamp);
    if (found != rows.end() && found->event.timestamp == timestamp) {
      return &*found;
    }
  }
  return late_ ? late_->find(timestamp) : nullptr;
}

/// Keeps an event that is below the last of rows_. An event near the end is inserted into rows_ at
/// once, because that takes less time than late_rows.
void robot_track::place_late(const track_row& row) {
  const timestamp_ms timestamp = row.event.timestamp;
  const std::size_t near = rows_.size() - std::min(rows_.size(), near_rows);
  if (near > 0 && timestamp < rows_[near - 1].event.timestamp) {
    if (late_) {
      late_->insert(row);
    } else {
      late_ = std::make_unique<late_rows>(row);
    }
    return;
  }
  std::size_t index = rows_.size() - 1;
  while (index > near && timestamp < rows_[index - 1].event.timestamp) {
    --index;
  }
  assert(timestamp < rows_[index].event.timestamp);
  detail::rows_moved += 2 * (rows_.size() - index);
  rows_.insert(rows_.begin() + static_cast<std::ptrdiff_t>(index), row);
  fold_from(index);
}

/// Merges late_ into rows_ and folds the odometers from the lowest merged row on. Call this before
/// rows_ are read.
void robot_track::settle() {
  if (!late_) {
    return;
  }
  const std::size_t index = late_->merge_into(rows_);
  late_.reset();
  detail::rows_moved += rows_.size() - index;
  fold_from(index);
}

/// Computes the odometers of rows_ from `index` on again, in order. It never adds a difference to
/// them, because only then do they stay bit-equal to the fold of the whole path.
void robot_track::fold_from(std::size_t index) noexcept {
  if (index == 0 && base_.events == 0) {
    rows_[0].event.odometer = 0;
    index = 1;
  }
  position before = index == 0 ? base_.last : rows_[index - 1].event.at;
  double odometer = index == 0 ? base_.odometer : rows_[index - 1].event.odometer;
  for (; index < rows_.size(); ++index) {
    event_row& event = rows_[index].event;
    odometer = odometer_after(odometer, before, event.at);
    event.odometer = odometer;
    before = event.at;
  }
}

/// Keeps a mark only if it raises the largest timestamp, because an event below an earlier mark is
/// sealed with that mark.
void robot_track::note_arrival(timestamp_ms timestamp, std::int64_t arrival_ms) {
  if (!marks_.empty()) {
    arrival_mark& last = marks_.back();
    assert(last.arrival_ms <= arrival_ms); // rule 3
    if (last.timestamp_max >= timestamp) {
      return;
    }
    if (last.arrival_ms == arrival_ms) {
      last.timestamp_max = timestamp;
      return;
    }
  }
  marks_.push_back({arrival_ms, timestamp});
}

/// created is the least wall time and updated the greatest, because wall time may step back.
void robot_track::note_wall(wall_ms wall) noexcept {
  const bool first = base_.events == 0 && rows_.size() == 1; // late_ is null then
  created_ = first ? wall : std::min(created_, wall);
  updated_ = first ? wall : std::max(updated_, wall);
}

void robot_track::seal(std::int64_t horizon_ms) {
  std::size_t head = marks_head_;
  while (head < marks_.size() && marks_[head].arrival_ms <= horizon_ms) {
    ++head;
  }
  if (head == marks_head_) {
    return;
  }
  assert(marks_[head - 1].timestamp_max > seal_point_);
  seal_point_ = marks_[head - 1].timestamp_max; // rule 10; the rows are not touched
  if (head == marks_.size()) {
    marks_.clear();
    head = 0;
  } else if (head >= marks_.size() - head) { // at most as many marks are moved as were spent
    marks_.erase(marks_.begin(), marks_.begin() + static_cast<std::ptrdiff_t>(head));
    head = 0;
  }
  marks_head_ = head;
}

timestamp_ms robot_track::seal_point() const noexcept { return seal_point_; }

timestamp_ms robot_track::last_timestamp() const noexcept {
  return rows_.empty() ? base_.last_timestamp : rows_.back().event.timestamp;
}

robot_state robot_track::latest() {
  assert(!empty());
  settle();
  if (rows_.empty()) {
    return base_;
  }
  const event_row& last = rows_.back().event;
  return {last.timestamp, last.at, last.odometer, base_.events + rows_.size(), created_, updated_};
}

bool robot_track::empty() const noexcept { return base_.events == 0 && rows_.empty(); }

bool robot_track::clean() const noexcept { return rows_.empty() && !taken_; }

bool robot_track::has_unsealed() const noexcept { return last_timestamp() > seal_point_; }

std::size_t robot_track::rows() const noexcept {
  return rows_.size() + (late_ ? late_->size() : 0) + (taken_ ? taken_->size() : 0);
}

robot_track::taken robot_track::take() {
  assert(!taken_); // rule 18
  settle();
  const auto boundary = first_from(rows_, seal_point_ + 1);
  if (boundary == rows_.cbegin()) {
    return {nullptr, base_};
  }
  std::vector<track_row> unsealed;
  if (boundary != rows_.cend()) {
    unsealed.reserve(rows_.size());
    unsealed.assign(boundary, rows_.cend());
  }
  rows_.erase(boundary, rows_.cend());
  for (const track_row& row : rows_) {
    base_.created = base_.events == 0 ? row.wall : std::min(base_.created, row.wall);
    base_.updated = base_.events == 0 ? row.wall : std::max(base_.updated, row.wall);
    ++base_.events;
  }
  const event_row& last = rows_.back().event;
  assert(last.timestamp == seal_point_);
  assert(last.odometer >= base_.odometer);
  base_.last_timestamp = last.timestamp;
  base_.last = last.at;
  base_.odometer = last.odometer;
  taken_ = std::make_shared<const std::vector<track_row>>(std::move(rows_));
  rows_ = std::move(unsealed);
  if (rows_.empty()) {
    assert(marks_.empty());
    std::vector<arrival_mark>().swap(marks_); // so that an idle robot owns no heap memory
  }
  return {taken_, base_};
}

void robot_track::release() noexcept {
  assert(taken_);
  taken_.reset();
}

std::uint64_t robot_track::lowest_untaken_batch() {
  settle();
  std::uint64_t lowest = std::numeric_limits<std::uint64_t>::max();
  for (const track_row& row : rows_) {
    lowest = std::min(lowest, row.batch_no);
  }
  return lowest;
}

void robot_track::copy_rows(timestamp_ms from, timestamp_ms to, std::size_t limit,
                            std::vector<event_row>& out) {
  settle();
  const auto copy = [&](const std::vector<track_row>& rows) {
    for (auto row = first_from(rows, from);
         limit > 0 && row != rows.end() && row->event.timestamp <= to; ++row, --limit) {
      out.push_back(row->event);
    }
  };
  if (taken_) {
    copy(*taken_);
  }
  copy(rows_);
}

std::optional<event_row> robot_track::last_row(timestamp_ms timestamp) {
  settle();
  for (const std::vector<track_row>* rows : {&std::as_const(rows_), taken_.get()}) {
    if (rows == nullptr || rows->empty() || rows->front().event.timestamp > timestamp) {
      continue;
    }
    const auto after = first_from(*rows, timestamp + 1);
    return std::prev(after)->event;
  }
  return std::nullopt;
}

timestamp_ms robot_track::stored_upto() const noexcept {
  return taken_ ? taken_->front().event.timestamp - 1 : base_.last_timestamp;
}

} // namespace telemetry
