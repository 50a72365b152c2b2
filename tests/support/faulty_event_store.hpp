#pragma once

#include "storage/event_store.hpp"
#include "tests/support/faulty_plan.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace telemetry::test {

/// An event store that fails on command. The plans are shared, so that a test can keep them when
/// the engine owns the store.
class faulty_event_store final : public event_store {
public:
  struct plans {
    faulty_plan commit;
    faulty_plan robots; ///< robots(): activation
    faulty_plan reads;  ///< all other reads except markers()
    std::chrono::milliseconds silence{0};
    bool is_cached = false; ///< whether cached reads are answered; the plans do not affect them
    std::set<std::string, std::less<>>
        damaged_rows;                  ///< robots whose row in the robot table is damaged
    std::set<robot_id> damaged_events; ///< robots whose events cannot be decoded
  };

  faulty_event_store(std::unique_ptr<event_store> base, std::shared_ptr<plans> faults)
      : base_(std::move(base)), faults_(std::move(faults)) {}

  result<std::vector<damaged_robot>> commit(const checkpoint& what) override {
    return faults_->commit.run([&]() -> result<std::vector<damaged_robot>> {
      std::vector<damaged_robot> damaged;
      for (const auto& robot : what.robots)
        if (faults_->damaged_events.contains(robot.id))
          damaged.push_back({std::string(robot.name), damage()});
      return damaged.empty() ? base_->commit(what) : damaged;
    });
  }
  result<std::vector<shard_marker>> markers() override { return base_->markers(); }
  result<std::vector<robot_outcome>> robots(std::span<const std::string_view> names) override {
    return faults_->robots.run([&] {
      auto found = base_->robots(names);
      for (std::size_t i = 0; found && i < names.size(); ++i)
        if (faults_->damaged_rows.contains(names[i]))
          (*found)[i] = damage();
      return found;
    });
  }
  result<robot_page> scan_robots(std::string_view after, std::string_view before,
                                 std::size_t limit) override {
    return faults_->reads.run([&] {
      auto page = base_->scan_robots(after, before, limit);
      if (page)
        std::erase_if(page->rows, [&](const robot_row& row) {
          if (!faults_->damaged_rows.contains(row.name))
            return false;
          page->damaged.push_back({row.name, damage()});
          return true;
        });
      return page;
    });
  }
  result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at) override {
    return faults_->reads.run([&]() -> result<std::optional<event_row>> {
      if (faults_->damaged_events.contains(robot))
        return damage();
      return base_->floor(robot, at);
    });
  }
  result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at) override {
    return faults_->reads.run([&]() -> result<std::optional<event_row>> {
      if (faults_->damaged_events.contains(robot))
        return damage();
      return base_->ceil(robot, at);
    });
  }
  result<std::vector<event_row>> scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                                      std::size_t limit) override {
    return faults_->reads.run([&]() -> result<std::vector<event_row>> {
      if (faults_->damaged_events.contains(robot))
        return damage();
      return base_->scan(robot, from, to, limit);
    });
  }
  result<std::vector<position_outcome>> exact(std::span<const key> keys) override {
    return faults_->reads.run([&] {
      auto found = base_->exact(keys);
      for (std::size_t i = 0; found && i < keys.size(); ++i)
        if (faults_->damaged_events.contains(keys[i].robot))
          (*found)[i] = damage();
      return found;
    });
  }
  [[nodiscard]] std::chrono::milliseconds silence() const override { return faults_->silence; }
  std::optional<std::optional<robot_row>> cached_robot(std::string_view name) override {
    return faults_->is_cached ? base_->cached_robot(name) : std::nullopt;
  }
  std::optional<range_ends> cached_ends(robot_id robot, timestamp_ms from,
                                        timestamp_ms to) override {
    return faults_->is_cached ? base_->cached_ends(robot, from, to) : std::nullopt;
  }

private:
  static failure damage() { return {errc::damaged_row, "damaged by the test"}; }

  std::unique_ptr<event_store> base_;
  std::shared_ptr<plans> faults_;
};

} // namespace telemetry::test
