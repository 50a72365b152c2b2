#pragma once

#include "storage/event_store.hpp"

#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace telemetry::test {

/// Builds a checkpoint, and keeps its names alive.
class checkpoint_builder {
public:
  /// @param rows in order; the state is made to fit the last one.
  checkpoint_builder& robot(const std::string& name, robot_id id,
                            const std::vector<event_row>& rows, std::uint64_t events = 0) {
    std::vector<track_row> tracked;
    for (const event_row& row : rows)
      tracked.push_back({row, 1, 1'700'000'000'000 + row.timestamp});
    const event_row& last = rows.back();
    what_.robots.push_back(
        {names_.emplace_back(name),
         id,
         {last.timestamp, last.at, last.odometer, events == 0 ? rows.size() : events,
          1'700'000'000'000, 1'700'000'000'000 + last.timestamp},
         std::make_shared<const std::vector<track_row>>(std::move(tracked))});
    return *this;
  }
  checkpoint_builder& marker(const shard_marker& marker) {
    what_.markers.push_back(marker);
    return *this;
  }
  checkpoint_builder& of(const tenure& one) {
    what_.tenures.push_back(one);
    return *this;
  }
  [[nodiscard]] const checkpoint& get() const { return what_; }

private:
  std::deque<std::string> names_;
  checkpoint what_;
};

/// A row at `timestamp` whose other numbers are made from it.
inline event_row row_at(timestamp_ms timestamp) {
  const auto t = static_cast<double>(timestamp);
  return {timestamp, {std::sin(t) * 1e3, -t / 3.0}, t * 0.1};
}

inline std::vector<event_row> rows_at(const std::vector<timestamp_ms>& timestamps) {
  std::vector<event_row> rows;
  for (const timestamp_ms timestamp : timestamps)
    rows.push_back(row_at(timestamp));
  return rows;
}

} // namespace telemetry::test
