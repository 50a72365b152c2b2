#pragma once

#include "core/event_codec.hpp"
#include "core/number.hpp"
#include "storage/journal.hpp"
#include "tests/unit/core/naive_robot.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace telemetry::test {

/// An event as the key of a map: robot, timestamp, x, y.
using sent_event = std::tuple<std::string, timestamp_ms, double, double>;

inline sent_event sent(const event_view& event) {
  return {std::string{event.robot}, event.timestamp, event.at.x, event.at.y};
}

/// The whole log of every shard, never trimmed, with the verdicts of a naive reader: the oracle of
/// docs/RULES.md. Also checks appended batches (rules 2, 3, 4, 6 and 7), as test failures.
///
/// If the log repeats an event, its answer is the same each time, because an accepted event stays
/// accepted and a sealed range does not change. Only the seal points of STALE differ.
class whole_log {
public:
  struct entry {
    batch_stamp stamp;
    std::string payload;
  };

  explicit whole_log(std::uint32_t shards) : shards_(shards) {}

  /// A process starts. New stamps must be at or above all recorded ones (rule 2).
  void process_starts(std::int64_t window_ms) {
    window_ms_ = window_ms;
    floor_ms_ = greatest_arrival_ms_;
  }

  /// Adds a durable batch. It may be a repetition.
  void append(const journal_batch& batch) {
    std::string payload;
    for (const auto part : batch.payload)
      payload += part;
    auto& log = shards_[batch.shard];
    if (batch.stamp.batch_no <= log.size()) {
      check_repeated(batch, log.at(batch.stamp.batch_no - 1), payload);
      return;
    }
    check_stamp(batch, log);
    greatest_arrival_ms_ = std::max(greatest_arrival_ms_, batch.stamp.arrival_ms);
    log.push_back({batch.stamp, payload});
    for (std::string_view rest = payload; !rest.empty();) {
      const auto event = decode_event(rest);
      ASSERT_TRUE(event) << "damaged payload";
      judge(*event, batch.stamp);
    }
  }

  /// Whether the log may give `answer` to this event; false if the event is not in the log.
  [[nodiscard]] bool answers(const sent_event& event, const std::string& answer) const {
    const auto found = verdicts_.find(event);
    return found != verdicts_.end() && found->second.count(answer) > 0;
  }
  [[nodiscard]] bool holds(const sent_event& event) const { return verdicts_.count(event) > 0; }

  [[nodiscard]] const std::map<std::string, naive_robot>& robots() const { return robots_; }
  [[nodiscard]] const std::vector<entry>& shard(std::uint32_t id) const { return shards_[id]; }

private:
  void check_repeated(const journal_batch& batch, const entry& first, const std::string& payload) {
    EXPECT_EQ(batch.stamp.arrival_ms, first.stamp.arrival_ms) << "rule 6: restamped";
    EXPECT_EQ(batch.stamp.horizon_ms, first.stamp.horizon_ms) << "rule 6: restamped";
    EXPECT_EQ(batch.stamp.wall, first.stamp.wall) << "rule 6: restamped";
    EXPECT_EQ(payload, first.payload) << "rule 6: a number reused for another content";
  }

  void check_stamp(const journal_batch& batch, const std::vector<entry>& log) const {
    EXPECT_EQ(batch.stamp.batch_no, log.size() + 1) << "rule 7: shard " << batch.shard;
    const auto arrival_before = log.empty() ? -1 : log.back().stamp.arrival_ms;
    const auto horizon_before = log.empty() ? -1 : log.back().stamp.horizon_ms;
    EXPECT_GE(batch.stamp.arrival_ms, std::max(arrival_before, floor_ms_)) << "rules 2 and 3";
    EXPECT_EQ(batch.stamp.horizon_ms, std::max(horizon_before, batch.stamp.arrival_ms - window_ms_))
        << "rule 4";
  }

  void judge(const event_view& event, const batch_stamp& stamp) {
    auto& robot = robots_[std::string{event.robot}];
    auto& given = verdicts_[sent(event)];
    switch (robot.offer(event.timestamp, event.at, stamp)) {
    case verdict::accepted:
    case verdict::duplicate:
      given.insert("OK");
      break;
    case verdict::conflict:
      given.insert("CONFLICT");
      break;
    case verdict::stale: {
      std::string text = "STALE ";
      append_integer(text, robot.seal_point());
      given.insert(text);
      break;
    }
    case verdict::pending:
    case verdict::sealed:
    case verdict::damaged:
      ADD_FAILURE() << "the naive robot knows all";
    }
  }

  std::vector<std::vector<entry>> shards_; ///< batch_no - 1 is the index
  std::map<std::string, naive_robot> robots_;
  std::map<sent_event, std::set<std::string>> verdicts_; ///< several only if STALE
  std::int64_t window_ms_ = 0;
  std::int64_t floor_ms_ = -1;
  std::int64_t greatest_arrival_ms_ = -1;
};

} // namespace telemetry::test
