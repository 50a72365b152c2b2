// The rules of one robot (docs/RULES.md, 9-17 and 27-30), one example each. Window 10 unless said.

#include "core/robot_track.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

namespace telemetry {
namespace {

constexpr std::uint64_t no_batch = std::numeric_limits<std::uint64_t>::max();

/// A stamp of window 10 whose wall time is 1000 + arrival.
batch_stamp stamp_at(std::int64_t arrival_ms, std::uint64_t batch_no = 1) {
  return {batch_no, arrival_ms, arrival_ms - 10, 1000 + arrival_ms};
}

/// All rows in memory.
std::vector<event_row> rows_of(robot_track& track) {
  std::vector<event_row> rows;
  track.copy_rows(0, timestamp_max, 1000, rows);
  return rows;
}

/// The timestamps 1 to `count` in orders that producers send: falling, random, two producers that
/// rise in turn (one half a window behind), two that fall in turn.
std::vector<std::vector<timestamp_ms>> orders_of(std::size_t count) {
  std::vector<timestamp_ms> rising(count);
  std::iota(rising.begin(), rising.end(), 1);
  std::vector<timestamp_ms> shuffled = rising;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(1));
  std::vector<timestamp_ms> in_turn;
  for (std::size_t i = 0; i < count / 2; ++i) {
    in_turn.push_back(rising[count / 2 + i]);
    in_turn.push_back(rising[i]);
  }
  return {{rising.rbegin(), rising.rend()}, shuffled, in_turn, {in_turn.rbegin(), in_turn.rend()}};
}

class RobotTrackTest : public testing::Test {
protected:
  verdict offer(timestamp_ms timestamp, std::int64_t arrival_ms, position at = {1, 2},
                std::uint64_t batch_no = 1) {
    return track.offer(timestamp, at, stamp_at(arrival_ms, batch_no));
  }

  robot_track track;
};

TEST_F(RobotTrackTest, StartsEmptyAndClean) {
  EXPECT_TRUE(track.empty());
  EXPECT_TRUE(track.clean());
  EXPECT_FALSE(track.has_unsealed());
  EXPECT_EQ(track.seal_point(), -1);
  EXPECT_EQ(track.rows(), 0u);
  EXPECT_EQ(track.lowest_untaken_batch(), no_batch);
  EXPECT_EQ(track.take().rows, nullptr);
}

TEST_F(RobotTrackTest, IsSmallBecauseAMillionMayBeAlive) { EXPECT_LE(sizeof(track), 160u); }

TEST_F(RobotTrackTest, FoldsTheOdometerInOrder) {
  EXPECT_EQ(offer(0, 0, {0, 0}), verdict::accepted);
  EXPECT_EQ(offer(1, 0, {3, 4}), verdict::accepted);
  EXPECT_EQ(offer(2, 0, {3, 4}), verdict::accepted);
  EXPECT_EQ(offer(3, 0, {0, 0}), verdict::accepted);
  EXPECT_EQ(rows_of(track), (std::vector<event_row>{
                                {0, {0, 0}, 0}, {1, {3, 4}, 5}, {2, {3, 4}, 5}, {3, {0, 0}, 10}}));
  EXPECT_EQ(track.latest(), (robot_state{3, {0, 0}, 10, 4, 1000, 1000}));
}

TEST_F(RobotTrackTest, RepairsOdometerWhenEventLandsInsideWindow) {
  EXPECT_EQ(offer(10, 0, {0, 0}), verdict::accepted);
  EXPECT_EQ(offer(30, 1, {0, 0}), verdict::accepted);
  EXPECT_EQ(offer(20, 2, {3, 4}), verdict::accepted);
  EXPECT_EQ(rows_of(track),
            (std::vector<event_row>{{10, {0, 0}, 0}, {20, {3, 4}, 5}, {30, {0, 0}, 10}}));
}

TEST_F(RobotTrackTest, RepairsOdometerWhenEventLandsBeforeTheFirst) {
  EXPECT_EQ(offer(20, 0, {3, 4}), verdict::accepted);
  EXPECT_EQ(offer(10, 1, {0, 0}), verdict::accepted);
  EXPECT_EQ(rows_of(track), (std::vector<event_row>{{10, {0, 0}, 0}, {20, {3, 4}, 5}}));
}

TEST_F(RobotTrackTest, RefoldsInsteadOfAddingADifference) {
  // 1e15 swallows the small steps: only the fold in order gives the same bits.
  EXPECT_EQ(offer(1, 0, {-1e15, 0}), verdict::accepted);
  EXPECT_EQ(offer(3, 0, {1e15, 0.1}), verdict::accepted);
  EXPECT_EQ(offer(4, 0, {1e15, 0.4}), verdict::accepted);
  EXPECT_EQ(offer(2, 0, {0.3, 0.7}), verdict::accepted);
  robot_track ordered;
  const batch_stamp stamp = stamp_at(0);
  static_cast<void>(ordered.offer(1, {-1e15, 0}, stamp));
  static_cast<void>(ordered.offer(2, {0.3, 0.7}, stamp));
  static_cast<void>(ordered.offer(3, {1e15, 0.1}, stamp));
  static_cast<void>(ordered.offer(4, {1e15, 0.4}, stamp));
  EXPECT_EQ(rows_of(track), rows_of(ordered));
}

TEST_F(RobotTrackTest, AnyOrderGivesTheRowsOfRisingOrder) {
  const auto at = [](timestamp_ms t) {
    return position{static_cast<double>(t * t % 977), 1e9 / static_cast<double>(t)};
  };
  robot_track rising;
  for (timestamp_ms t = 1; t <= 1000; ++t) {
    ASSERT_EQ(rising.offer(t, at(t), stamp_at(0)), verdict::accepted);
  }
  for (const auto& order : orders_of(1000)) {
    robot_track other;
    for (const timestamp_ms t : order) {
      ASSERT_EQ(other.offer(t, at(t), stamp_at(0)), verdict::accepted);
    }
    EXPECT_EQ(other.rows(), 1000u);
    EXPECT_EQ(rows_of(other), rows_of(rising));
    EXPECT_EQ(other.latest(), rising.latest());
  }
}

TEST_F(RobotTrackTest, AnyOrderMovesFewRowsPerEvent) {
  for (const std::size_t count : {1000u, 10000u}) {
    for (const auto& order : orders_of(count)) {
      robot_track other;
      const std::uint64_t before = detail::rows_moved;
      for (const timestamp_ms t : order) {
        ASSERT_EQ(other.offer(t, {1, 2}, stamp_at(0)), verdict::accepted);
      }
      other.seal(0);
      ASSERT_NE(other.take().rows, nullptr);
      EXPECT_LE(detail::rows_moved - before, count * late_rows::chunk_rows_max);
    }
  }
}

TEST_F(RobotTrackTest, SameMillisecondIsDuplicateOrConflict) {
  EXPECT_EQ(offer(5, 0, {1, 2}), verdict::accepted);
  EXPECT_EQ(offer(5, 0, {1, 2}), verdict::duplicate);
  EXPECT_EQ(offer(5, 0, {1, 3}), verdict::conflict);
  EXPECT_EQ(offer(5, 0, {2, 2}), verdict::conflict);
  EXPECT_EQ(rows_of(track), (std::vector<event_row>{{5, {1, 2}, 0}}));
  EXPECT_EQ(track.latest().events, 1u);
}

TEST_F(RobotTrackTest, WindowEndsExactlyOneWindowAfterTheArrival) {
  EXPECT_EQ(offer(100, 0), verdict::accepted);
  EXPECT_EQ(offer(50, 9), verdict::accepted); // 9 ms after it: not sealed yet
  EXPECT_EQ(track.seal_point(), -1);
  EXPECT_EQ(offer(60, 10), verdict::sealed); // 10 ms after it: sealed
  EXPECT_EQ(track.seal_point(), 100);
}

TEST_F(RobotTrackTest, WindowOfZeroSealsAtTheNextOffer) {
  const batch_stamp stamp{1, 7, 7, 0};
  EXPECT_EQ(track.offer(10, {1, 2}, stamp), verdict::accepted);
  EXPECT_TRUE(track.has_unsealed());
  EXPECT_EQ(track.offer(9, {1, 2}, stamp), verdict::sealed);
  EXPECT_EQ(track.offer(10, {1, 2}, stamp), verdict::duplicate);
  EXPECT_EQ(track.offer(11, {1, 2}, stamp), verdict::accepted);
  EXPECT_EQ(track.seal_point(), 10);
}

TEST_F(RobotTrackTest, SealsEverythingAtOrBelowTheLargestThatIsOldEnough) { // rule 10
  EXPECT_EQ(offer(100, 0), verdict::accepted);
  EXPECT_EQ(offer(50, 5), verdict::accepted); // younger, but below
  EXPECT_EQ(offer(101, 5), verdict::accepted);
  track.seal(0);
  EXPECT_EQ(track.seal_point(), 100);
  EXPECT_TRUE(track.has_unsealed());
  EXPECT_EQ(track.take().rows->size(), 2u);
  track.seal(4);
  EXPECT_EQ(track.seal_point(), 100);
  track.seal(5);
  EXPECT_EQ(track.seal_point(), 101);
}

TEST_F(RobotTrackTest, JudgesByTheHorizonOfTheEvent) { // rule 11: seal first
  EXPECT_EQ(offer(100, 0), verdict::accepted);
  EXPECT_EQ(offer(90, 10), verdict::sealed);
  EXPECT_EQ(offer(110, 10), verdict::accepted);
}

TEST_F(RobotTrackTest, SealNeverGoesBack) {
  EXPECT_EQ(offer(100, 0), verdict::accepted);
  track.seal(50);
  track.seal(-50);
  EXPECT_EQ(track.seal_point(), 100);
  EXPECT_FALSE(track.has_unsealed());
}

TEST_F(RobotTrackTest, FindsSealedAndTakenEventsInMemory) { // rule 11
  EXPECT_EQ(offer(1, 0, {1, 1}), verdict::accepted);
  EXPECT_EQ(offer(3, 0, {3, 3}), verdict::accepted);
  track.seal(0);
  EXPECT_EQ(offer(1, 0, {1, 1}), verdict::duplicate);
  EXPECT_EQ(offer(3, 0, {0, 3}), verdict::conflict);
  EXPECT_EQ(offer(2, 0), verdict::sealed);
  ASSERT_NE(track.take().rows, nullptr);
  EXPECT_EQ(offer(9, 0, {9, 9}), verdict::accepted);
  EXPECT_EQ(offer(1, 0, {1, 1}), verdict::duplicate);
  EXPECT_EQ(offer(3, 0, {0, 3}), verdict::conflict);
  EXPECT_EQ(offer(2, 0), verdict::sealed);
  track.release();
  EXPECT_EQ(offer(1, 0, {1, 1}), verdict::sealed); // now the store knows
  EXPECT_EQ(offer(9, 0, {9, 9}), verdict::duplicate);
}

TEST_F(RobotTrackTest, TakesTheSealedRowsAndTheStateAtTheLastOfThem) { // rule 16
  EXPECT_EQ(offer(1, 0, {0, 0}), verdict::accepted);
  EXPECT_EQ(offer(2, 0, {3, 4}), verdict::accepted);
  EXPECT_EQ(offer(3, 5, {3, 4}), verdict::accepted);
  track.seal(0);
  const robot_track::taken taken = track.take();
  ASSERT_EQ(taken.rows->size(), 2u);
  EXPECT_EQ((*taken.rows)[0].event, (event_row{1, {0, 0}, 0}));
  EXPECT_EQ((*taken.rows)[1].event, (event_row{2, {3, 4}, 5}));
  EXPECT_EQ(taken.state, (robot_state{2, {3, 4}, 5, 2, 1000, 1000}));
  EXPECT_EQ(track.latest(), (robot_state{3, {3, 4}, 5, 3, 1000, 1005}));
  EXPECT_EQ(track.rows(), 3u);
}

TEST_F(RobotTrackTest, RowsLeaveMemoryOnlyWhenReleased) { // rule 21
  EXPECT_EQ(offer(1, 0), verdict::accepted);
  track.seal(0);
  const robot_track::taken taken = track.take();
  EXPECT_EQ(rows_of(track).size(), 1u);
  EXPECT_FALSE(track.clean());
  track.release();
  EXPECT_TRUE(rows_of(track).empty());
  EXPECT_TRUE(track.clean());
  EXPECT_FALSE(track.empty());
  EXPECT_EQ(track.latest(), taken.state);
  EXPECT_EQ(taken.rows->size(), 1u); // the checkpointer may still read them
}

TEST_F(RobotTrackTest, IsNotCleanWhileAnythingIsUnstored) { // rule 27
  EXPECT_EQ(offer(1, 0), verdict::accepted);
  EXPECT_FALSE(track.clean());
  track.seal(0);
  EXPECT_FALSE(track.has_unsealed());
  EXPECT_FALSE(track.clean());
}

TEST_F(RobotTrackTest, KnowsTheLowestBatchNotTaken) { // rule 17
  EXPECT_EQ(offer(10, 0, {1, 2}, 4), verdict::accepted);
  EXPECT_EQ(offer(30, 5, {1, 2}, 6), verdict::accepted);
  EXPECT_EQ(offer(20, 6, {1, 2}, 7), verdict::accepted);
  EXPECT_EQ(offer(20, 7, {1, 2}, 8), verdict::duplicate);
  EXPECT_EQ(track.lowest_untaken_batch(), 4u);
  track.seal(0);
  EXPECT_EQ(track.lowest_untaken_batch(), 4u);
  ASSERT_NE(track.take().rows, nullptr);
  EXPECT_EQ(track.lowest_untaken_batch(), 6u);
  track.release();
  track.seal(100);
  EXPECT_EQ(track.lowest_untaken_batch(), 6u); // above the row of 7 in memory
  ASSERT_NE(track.take().rows, nullptr);
  EXPECT_EQ(track.lowest_untaken_batch(), no_batch);
}

TEST_F(RobotTrackTest, GoesOnFromAStoredState) { // rule 28
  robot_track restored(robot_state{100, {0, 0}, 7.5, 3, 500, 600});
  EXPECT_EQ(restored.seal_point(), 100);
  EXPECT_TRUE(restored.clean());
  EXPECT_FALSE(restored.empty());
  EXPECT_EQ(restored.offer(100, {0, 0}, stamp_at(0)), verdict::sealed);
  EXPECT_EQ(restored.offer(101, {3, 4}, stamp_at(0)), verdict::accepted);
  EXPECT_EQ(restored.latest(), (robot_state{101, {3, 4}, 12.5, 4, 500, 1000}));
}

TEST_F(RobotTrackTest, WallTimeThatStepsBackMovesCreatedNotUpdated) {
  robot_track restored(robot_state{100, {0, 0}, 0, 1, 5000, 6000});
  EXPECT_EQ(restored.offer(101, {0, 0}, stamp_at(0)), verdict::accepted);
  EXPECT_EQ(restored.latest().created, 1000);
  EXPECT_EQ(restored.latest().updated, 6000);
}

TEST_F(RobotTrackTest, CopiesTheRangeAcrossTakenSealedAndUnsealed) {
  for (timestamp_ms t = 1; t <= 2; ++t) {
    EXPECT_EQ(offer(t, 0), verdict::accepted);
  }
  track.seal(0);
  ASSERT_NE(track.take().rows, nullptr);
  for (timestamp_ms t = 3; t <= 6; ++t) {
    EXPECT_EQ(offer(t, t), verdict::accepted);
  }
  track.seal(4);
  const auto copied = [this](timestamp_ms from, timestamp_ms to, std::size_t limit) {
    std::vector<event_row> rows;
    track.copy_rows(from, to, limit, rows);
    std::vector<timestamp_ms> timestamps;
    for (const event_row& row : rows) {
      timestamps.push_back(row.timestamp);
    }
    return timestamps;
  };
  using list = std::vector<timestamp_ms>;
  EXPECT_EQ(copied(0, 9, 9), (list{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(copied(2, 5, 9), (list{2, 3, 4, 5}));
  EXPECT_EQ(copied(2, 5, 1), (list{2}));
  EXPECT_EQ(copied(2, 5, 2), (list{2, 3}));
  EXPECT_EQ(copied(1, 1, 9), (list{1}));
  EXPECT_EQ(copied(6, 6, 9), (list{6}));
  EXPECT_EQ(copied(7, 9, 9), (list{}));
  EXPECT_EQ(copied(5, 4, 9), (list{}));
  EXPECT_EQ(copied(0, 9, 0), (list{}));
}

TEST_F(RobotTrackTest, TellsTheLastRowAtOrBeforeATimestamp) {
  EXPECT_EQ(track.last_row(timestamp_max), std::nullopt);
  EXPECT_EQ(offer(10, 0, {0, 0}), verdict::accepted);
  track.seal(0);
  ASSERT_NE(track.take().rows, nullptr);
  EXPECT_EQ(track.last_row(30), (event_row{10, {0, 0}, 0}));
  EXPECT_EQ(offer(20, 0, {3, 4}), verdict::accepted);
  EXPECT_EQ(track.last_row(9), std::nullopt);
  EXPECT_EQ(track.last_row(10), (event_row{10, {0, 0}, 0}));
  EXPECT_EQ(track.last_row(19), (event_row{10, {0, 0}, 0}));
  EXPECT_EQ(track.last_row(20), (event_row{20, {3, 4}, 5}));
  EXPECT_EQ(track.last_row(timestamp_max), (event_row{20, {3, 4}, 5}));
}

TEST_F(RobotTrackTest, TellsUpToWhereTheStoreHasEveryRow) { // rule 29
  EXPECT_EQ(track.stored_upto(), -1);
  EXPECT_EQ(offer(10, 0), verdict::accepted);
  EXPECT_EQ(offer(20, 0), verdict::accepted);
  track.seal(0);
  ASSERT_NE(track.take().rows, nullptr);
  EXPECT_LT(track.stored_upto(), 10); // taken is not stored yet
  track.release();
  EXPECT_EQ(track.stored_upto(), 20);
}

TEST_F(RobotTrackTest, KeepsMemoryBoundedOverALongLife) {
  for (std::int64_t t = 0; t < 100000; ++t) {
    ASSERT_EQ(offer(t, t), verdict::accepted);
    if (t % 100 == 99) {
      ASSERT_NE(track.take().rows, nullptr);
      track.release();
      ASSERT_EQ(track.rows(), 10u); // what the window of 10 ms holds
    }
  }
  EXPECT_EQ(track.latest().events, 100000u);
}

} // namespace
} // namespace telemetry
