// robot_track against the naive robot, over random histories: disorder, duplicates, conflicts,
// window edges, checkpoints, crashes with replay, passivation (docs/RULES.md, 9-30).

#include "tests/unit/core/naive_robot.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

namespace telemetry {
namespace {

struct logged_event {
  timestamp_ms timestamp;
  position at;
  verdict answer; ///< as the oracle gave it
};

struct logged_batch {
  batch_stamp stamp;
  std::vector<logged_event> events; ///< none: a tick (rule 5)
};

/// One robot with its log and its store, all in memory; the oracle sees the whole log once.
class history {
public:
  explicit history(unsigned seed, std::int64_t window_ms) : random_(seed), window_ms_(window_ms) {}

  int random(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  /// Appends a batch of up to `size` events to the log and applies it.
  void batch(int size) {
    arrival_ms_ += random(4) == 0 ? random(2 * static_cast<int>(window_ms_) + 2) : random(3);
    const std::int64_t horizon = std::max(last_stamp().horizon_ms, arrival_ms_ - window_ms_);
    log_.push_back({{log_.size() + 1, arrival_ms_, horizon, 5000 + random(500)}, {}});
    for (int i = 0; i < size; ++i) {
      log_.back().events.push_back(next_event());
    }
    apply_new(log_.back());
  }

  /// Appends and applies a batch of many new events around the newest timestamp: in falling order,
  /// in random order, or by two producers in turn that fall. Some come twice.
  void burst(int size) {
    std::vector<logged_event> events;
    newest_ = std::max<timestamp_ms>(0, newest_ - random(2 * size));
    for (int i = 0; i < size; ++i) {
      newest_ += 1 + random(3);
      events.push_back({newest_, {random(1000) / 7.0, random(1000) * 1e9}, verdict::pending});
    }
    std::reverse(events.begin(), events.end());
    const int order = random(3);
    if (order == 0) {
      std::shuffle(events.begin(), events.end(), random_);
    }
    std::vector<logged_event> sent;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const std::size_t half = (i % 2 == 0 ? 0 : events.size() / 2) + i / 2;
      sent.push_back(events[order == 1 ? half : i]);
      if (random(10) == 0) {
        sent.push_back(sent[static_cast<std::size_t>(random(static_cast<int>(sent.size())))]);
        sent.back().at.x += random(2);
      }
    }
    sent_.insert(sent_.end(), sent.begin(), sent.end());
    batch(0);
    const batch_stamp stamp = last_stamp();
    log_.push_back({{stamp.batch_no + 1, stamp.arrival_ms, stamp.horizon_ms, stamp.wall}, sent});
    apply_new(log_.back());
  }

  /// Rule 15: the horizon of the last applied batch; rule 17: the cut.
  void take() {
    if (taken_) {
      return;
    }
    track_.seal(last_stamp().horizon_ms);
    naive_.seal(last_stamp().horizon_ms);
    robot_track::taken taken = track_.take();
    const auto expected = naive_.rows(stored_.last_timestamp + 1, naive_.seal_point());
    ASSERT_EQ(taken.rows != nullptr, !expected.empty());
    if (expected.empty()) {
      return;
    }
    ASSERT_EQ(taken.rows->size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const track_row& row = (*taken.rows)[i];
      const auto& held = naive_.events().at(row.event.timestamp);
      ASSERT_EQ(row.event, expected[i]);
      ASSERT_EQ(row.batch_no, held.stamp.batch_no);
      ASSERT_EQ(row.wall, held.stamp.wall);
    }
    ASSERT_EQ(taken.state, naive_.state(naive_.seal_point()));
    next_cut_ = std::min<std::uint64_t>(log_.size() + 1, track_.lowest_untaken_batch()) - 1;
    taken_ = std::move(taken);
  }

  /// The store has what was taken.
  void release() {
    if (!taken_) {
      return;
    }
    for (const track_row& row : *taken_->rows) {
      ASSERT_TRUE(store_.emplace(row.event.timestamp, row.event.at).second);
    }
    stored_ = taken_->state;
    cut_ = next_cut_;
    taken_.reset();
    track_.release();
  }

  /// Memory is lost; the log above the cut is replayed (rules 22, 23). With a window of 0 a take()
  /// that is lost had sealed the last batch by its own horizon: any next offer would, too.
  void crash() {
    taken_.reset();
    track_ = stored_track();
    for (std::size_t i = cut_; i < log_.size(); ++i) {
      track_.seal(log_[i].stamp.horizon_ms);
      for (const logged_event& event : log_[i].events) {
        const verdict now = track_.offer(event.timestamp, event.at, log_[i].stamp);
        const bool is_stored = store_.count(event.timestamp) > 0;
        if (event.answer == verdict::stale || is_stored) {
          ASSERT_EQ(now, verdict::sealed) << event.timestamp;
        } else {
          ASSERT_EQ(now, event.answer) << event.timestamp;
        }
      }
    }
    track_.seal(last_stamp().horizon_ms);
    naive_.seal(last_stamp().horizon_ms);
  }

  /// Rules 27, 28.
  void passivate() {
    if (track_.clean()) {
      track_ = stored_track();
    }
  }

  void check() {
    const auto rows = naive_.rows(stored_.last_timestamp + 1, timestamp_max);
    std::vector<event_row> held;
    track_.copy_rows(0, timestamp_max, rows.size() + 1, held);
    ASSERT_EQ(held, rows);
    ASSERT_EQ(track_.rows(), rows.size());
    ASSERT_EQ(track_.clean(), rows.empty());
    ASSERT_EQ(track_.seal_point(), naive_.seal_point());
    ASSERT_EQ(track_.has_unsealed(), !naive_.rows(naive_.seal_point() + 1, timestamp_max).empty());
    ASSERT_EQ(track_.empty(), naive_.events().empty());
    if (!track_.empty()) {
      ASSERT_EQ(track_.latest(), naive_.state(timestamp_max));
    }
    check_lowest_batch();
    check_part();
  }

private:
  batch_stamp last_stamp() const {
    return log_.empty() ? batch_stamp{0, 0, -1000, 0} : log_.back().stamp;
  }

  robot_track stored_track() const {
    return stored_.events > 0 ? robot_track(stored_) : robot_track();
  }

  /// Mostly near the newest timestamp; now and then an event again, or another at its place.
  logged_event next_event() {
    std::uniform_real_distribution<double> coordinate(-1000, 1000);
    const position at{coordinate(random_), coordinate(random_) * (random(5) == 0 ? 1e9 : 1)};
    if (!sent_.empty() && random(4) == 0) {
      logged_event again = sent_[static_cast<std::size_t>(random(static_cast<int>(sent_.size())))];
      again.at = random(2) == 0 ? again.at : at;
      return again;
    }
    newest_ += random(4);
    sent_.push_back({std::max<timestamp_ms>(0, newest_ - random(random(3) == 0 ? 20 : 3)), at,
                     verdict::pending});
    return sent_.back();
  }

  /// What the producer is told: memory first, then the store (rule 12).
  verdict answer(const logged_event& event, const batch_stamp& stamp) {
    const verdict judged = track_.offer(event.timestamp, event.at, stamp);
    if (judged != verdict::sealed) {
      return judged;
    }
    const auto found = store_.find(event.timestamp);
    if (found == store_.end()) {
      return verdict::stale;
    }
    return found->second == event.at ? verdict::duplicate : verdict::conflict;
  }

  void apply_new(logged_batch& batch) {
    track_.seal(batch.stamp.horizon_ms);
    naive_.seal(batch.stamp.horizon_ms);
    for (logged_event& event : batch.events) {
      event.answer = naive_.offer(event.timestamp, event.at, batch.stamp);
      ASSERT_EQ(answer(event, batch.stamp), event.answer) << event.timestamp;
      if (random(30) == 0 && !track_.empty()) { // a read between the events
        ASSERT_EQ(track_.latest(), naive_.state(timestamp_max));
      }
    }
  }

  void check_lowest_batch() {
    const timestamp_ms out = taken_ ? taken_->state.last_timestamp : stored_.last_timestamp;
    std::uint64_t lowest = UINT64_MAX;
    for (const auto& [timestamp, event] : naive_.events()) {
      lowest = timestamp > out ? std::min(lowest, event.stamp.batch_no) : lowest;
    }
    ASSERT_EQ(track_.lowest_untaken_batch(), lowest);
  }

  void check_part() {
    const timestamp_ms from = std::max<timestamp_ms>(stored_.last_timestamp + 1, newest_ - 15);
    const timestamp_ms to = from + random(20);
    const auto limit = static_cast<std::size_t>(random(12));
    auto expected = naive_.rows(from, to);
    expected.resize(std::min(expected.size(), limit));
    std::vector<event_row> part;
    track_.copy_rows(from, to, limit, part);
    ASSERT_EQ(part, expected);
    const auto below = naive_.rows(stored_.last_timestamp + 1, to);
    ASSERT_EQ(track_.last_row(to), below.empty() ? std::nullopt : std::optional(below.back()));
    ASSERT_TRUE(naive_.rows(stored_.last_timestamp + 1, track_.stored_upto()).empty());
    ASSERT_GE(track_.stored_upto(), stored_.last_timestamp);
  }

  std::mt19937 random_;
  std::int64_t window_ms_;
  std::int64_t arrival_ms_ = 0;
  timestamp_ms newest_ = 0;
  std::vector<logged_event> sent_;
  std::vector<logged_batch> log_;
  naive_robot naive_;
  robot_track track_;
  std::map<timestamp_ms, position> store_;
  robot_state stored_;
  std::uint64_t cut_ = 0;
  std::uint64_t next_cut_ = 0;
  std::optional<robot_track::taken> taken_;
};

/// One random step.
void step(history& robot) {
  switch (robot.random(12)) {
  case 0:
    return robot.take();
  case 1:
    return robot.release();
  case 2:
    return robot.crash();
  case 3:
    return robot.passivate();
  case 4:
    return robot.batch(0);
  default:
    return robot.batch(1 + robot.random(6));
  }
}

constexpr std::int64_t windows[] = {0, 1, 5, 10, 40};

TEST(RobotTrackPropertyTest, AgreesWithTheNaiveRobotOverRandomHistories) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    history robot(seed, windows[seed % std::size(windows)]);
    for (int i = 0; i < 60; ++i) {
      step(robot);
      robot.check();
      if (testing::Test::HasFatalFailure()) {
        return;
      }
    }
  }
}

TEST(RobotTrackPropertyTest, AgreesWithTheNaiveRobotOverBurstsInAnyOrder) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    history robot(seed, windows[seed % std::size(windows)]);
    for (int i = 0; i < 16; ++i) {
      if (robot.random(3) == 0) {
        robot.burst(2 + robot.random(300));
      } else {
        step(robot);
      }
      if (robot.random(2) == 0) {
        robot.check();
      }
      if (testing::Test::HasFatalFailure()) {
        return;
      }
    }
  }
}

TEST(RobotTrackPropertyTest, ReplayAfterARestartAtEveryPointChangesNothing) {
  constexpr int batches = 14;
  for (unsigned seed = 1; seed <= 5; ++seed) {
    for (int taken_after = 0; taken_after <= batches; ++taken_after) {
      for (int crash_after = taken_after; crash_after <= batches; ++crash_after) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ", checkpoint after " +
                     std::to_string(taken_after) + ", crash after " + std::to_string(crash_after));
        history robot(seed, windows[seed % std::size(windows)]);
        for (int i = 0; i <= batches; ++i) {
          if (i == taken_after) {
            robot.take();
            robot.release();
          }
          if (i == crash_after) {
            robot.crash();
          }
          robot.check();
          robot.batch(4);
          if (testing::Test::HasFatalFailure()) {
            return;
          }
        }
      }
    }
  }
}

} // namespace
} // namespace telemetry
