#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace telemetry::bench {

/// A recorded path that the robots of a fleet drive repeatedly.
///
/// Each robot starts at another point, and continues at the first point after the last one. So
/// robots that share a block of the store have different bytes there.
class track {
public:
  struct point {
    double x;
    double y;
    std::int64_t timestamp;
    /// `x,y,` as recorded, because rounding would change the digits that the store compresses.
    std::string text;
  };

  /// Reads event lines `x,y,timestamp,name` of one robot in the order of time.
  /// @throws std::runtime_error if a line is not an event (the text names it and the file), or if
  ///         there are fewer than 2 lines.
  static track read(const std::string& path);

  /// The place of a robot's event `number` (from 0).
  [[nodiscard]] const point& at(std::size_t robot, std::uint64_t number) const {
    return points_[(start_of(robot) + number) % points_.size()];
  }
  /// The timestamp of that event. Every lap is later than the one before.
  [[nodiscard]] std::int64_t timestamp(std::size_t robot, std::uint64_t number) const {
    const auto laps = (start_of(robot) + number) / points_.size();
    return at(robot, number).timestamp + static_cast<std::int64_t>(laps) * lap_ms_;
  }

private:
  /// Uses multiples of the golden ratio, which spread any number of robots evenly over the track.
  [[nodiscard]] std::size_t start_of(std::size_t robot) const {
    return (robot * 0x9e3779b1U & 0xffffffffU) * points_.size() >> 32;
  }

  std::vector<point> points_;
  std::int64_t lap_ms_ = 0;
};

} // namespace telemetry::bench
