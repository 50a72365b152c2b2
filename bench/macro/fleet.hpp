#pragma once

#include "bench/macro/track.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace telemetry::bench {

/// Small fast generator (splitmix64), so that the data are the same everywhere.
class random_source {
public:
  explicit random_source(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    auto z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// @returns a number below `bound`, which is at most 2^32.
  std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }

private:
  std::uint64_t state_;
};

/// The state of a robot that the server should have after all its events are answered.
struct robot_state {
  double x = 0;
  double y = 0;
  std::int64_t timestamp = 0;
  std::uint64_t events = 0;
  double odometer = 0;
};

enum class robot_order { shuffled, round_robin };

struct fleet_options {
  std::size_t robots;
  /// Robot i is fed by lane i modulo lanes; one lane is one connection.
  std::size_t lanes;
  robot_order order;
  std::string prefix;
  std::uint64_t seed;
  /// The track that the robots drive; nullptr for random walks.
  std::shared_ptr<const track> replay{};
  /// The timestamps of a robot fall for so many events, then continue above all of these. With 1
  /// they rise. Only for walks.
  std::size_t falling = 1;
};

/// A fleet of robots, on random walks unless they replay a track: about 1 event a second each, up
/// to 2.8 m apart, positions in centimetres within 10 km (six digits), timestamps from September
/// 2020 on.
///
/// The events of a lane depend on the options only, not on timing or on other lanes.
class fleet {
public:
  /// Timestamp below that of every event.
  static constexpr std::int64_t epoch_ms = 1'600'000'000'000;

  /// @throws std::invalid_argument if a lane has no robot.
  explicit fleet(fleet_options options);

  /// Moves the next robot of a lane, folds its odometer, and appends its event line (no line end).
  void append_event(std::size_t lane, std::string& out);

  /// Folds the events of a fall that has not ended. Call it after the last event.
  void finish();

  [[nodiscard]] const std::vector<robot_state>& robots() const { return robots_; }

  /// Index of the robot with this name, or robots().size() if it is not of this fleet.
  [[nodiscard]] std::size_t index_of(std::string_view name) const;

private:
  struct lane_state {
    random_source random;
    std::vector<std::uint32_t> order;
    std::size_t next = 0;
  };

  struct centimetres {
    std::int32_t x;
    std::int32_t y;
  };

  std::uint32_t pick(lane_state& lane);
  char* walk(std::uint32_t index, std::uint64_t random, char* out);
  std::int64_t fall(std::uint32_t index);
  void fold_fall(std::uint32_t index);
  char* replay(std::uint32_t index, char* out);

  fleet_options options_;
  std::vector<robot_state> robots_;
  std::vector<centimetres> places_; ///< of the robots on walks
  /// By robot: the places of a fall that has not ended, latest in time first. May be empty.
  std::vector<std::vector<centimetres>> falls_;
  std::vector<lane_state> lanes_;
};

} // namespace telemetry::bench
