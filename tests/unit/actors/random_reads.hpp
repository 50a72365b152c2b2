#pragma once

#include "tests/support/engine_harness.hpp"

#include <cmath>
#include <map>
#include <memory>
#include <set>

namespace telemetry::test {

/// Reads in the midst of everything: each must see what had its OK when it began, in order, with
/// odometers that fold (rules 29 and 30).
class random_reads {
public:
  explicit random_reads(engine_harness& machine) : machine_(machine) {}

  /// Starts to read the events of `robot`, or the list if it is "", unless too many are on their
  /// way: they would starve the actors under test.
  void start(const std::string& robot, const std::set<sent_event>& must) {
    constexpr std::size_t reads_max = 3;
    std::erase_if(reads_, [](const auto& one) { return one->done; });
    if (reads_.size() >= reads_max)
      return;
    auto one = std::make_shared<reading>();
    one->must = must;
    one->robot = robot;
    if (robot.empty())
      one->robots = machine_.engine().robots(machine_.io(), *net::anonymous(), "", SIZE_MAX);
    else
      one->events = machine_.engine().events(machine_.io(), test::permitted(robot), 0,
                                             timestamp_max, SIZE_MAX);
    reads_.push_back(one);
    pull(one.get());
  }

  [[nodiscard]] bool all_done() const {
    return std::all_of(reads_.begin(), reads_.end(), [](const auto& one) { return one->done; });
  }
  /// The process is gone.
  void clear() { reads_.clear(); }

private:
  /// A read on its way, and what it must see: everything that had its OK when it began.
  struct reading {
    std::string robot; ///< "": the list
    std::set<sent_event> must;
    std::unique_ptr<net::pull_stream<event_row>> events;
    std::vector<event_row> rows;
    std::unique_ptr<net::pull_stream<net::named_robot>> robots;
    std::vector<net::named_robot> names;
    bool done = false;
  };

  void pull(reading* one) {
    if (one->events)
      one->events->next([this, one](result<std::vector<event_row>> piece) {
        if (taken(one, piece, one->rows))
          check_rows(*one);
      });
    else
      one->robots->next([this, one](result<std::vector<net::named_robot>> piece) {
        if (taken(one, piece, one->names))
          check_names(*one);
      });
  }

  /// @returns whether the answer is complete.
  template <class T>
  bool taken(reading* one, const result<std::vector<T>>& piece, std::vector<T>& all) {
    // The store may be away; the asker is told so.
    EXPECT_TRUE(piece || piece.error().code == errc::unavailable);
    one->done = !piece || piece->empty();
    if (piece && piece->empty())
      return true;
    if (piece) {
      all.insert(all.end(), piece->begin(), piece->end());
      pull(one);
    }
    return false;
  }

  void check_rows(const reading& one) {
    std::map<timestamp_ms, position> held;
    double odometer = 0;
    for (std::size_t i = 0; i < one.rows.size(); ++i) {
      const auto& row = one.rows[i];
      if (i > 0) {
        const auto& before = one.rows[i - 1];
        ASSERT_LT(before.timestamp, row.timestamp);
        const auto dx = row.at.x - before.at.x;
        const auto dy = row.at.y - before.at.y;
        odometer = odometer + std::sqrt(dx * dx + dy * dy);
      }
      ASSERT_EQ(row.odometer, odometer) << "not the path of what is returned (rule 30)";
      held.emplace(row.timestamp, row.at);
    }
    for (const auto& [robot, timestamp, x, y] : one.must) {
      if (robot != one.robot)
        continue;
      const auto found = held.find(timestamp);
      ASSERT_TRUE(found != held.end()) << "a read after its OK misses " << robot << timestamp;
      ASSERT_EQ(found->second, (position{x, y}));
    }
  }

  void check_names(const reading& one) {
    std::map<std::string, robot_state> held;
    std::map<std::string, std::uint64_t> events;
    for (const auto& robot : one.names) {
      ASSERT_TRUE(held.empty() || held.rbegin()->first < robot.name) << "list out of order";
      held.emplace(robot.name, robot.state);
    }
    for (const auto& [robot, timestamp, x, y] : one.must) {
      ASSERT_TRUE(held.count(robot)) << "the list misses " << robot;
      ASSERT_GE(held[robot].last_timestamp, timestamp);
      ASSERT_GE(held[robot].events, ++events[robot]);
    }
  }

  engine_harness& machine_;
  std::vector<std::shared_ptr<reading>> reads_;
};

} // namespace telemetry::test
