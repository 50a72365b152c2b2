#pragma once

#include "storage/event_store.hpp"
#include "tests/support/faulty_plan.hpp"

#include <memory>
#include <utility>

namespace telemetry::test {

/// An event store that fails on command. The plans are shared, so that a test can keep them when
/// the engine owns the store.
class faulty_event_store final : public event_store {
public:
  struct plans {
    faulty_plan commit;
    faulty_plan robots; ///< robots(): activation
    faulty_plan reads;  ///< every other read but markers()
    std::chrono::milliseconds silence{0};
    bool is_cached = false; ///< cached reads are answered; they take part in no plan
  };

  faulty_event_store(std::unique_ptr<event_store> base, std::shared_ptr<plans> faults)
      : base_(std::move(base)), faults_(std::move(faults)) {}

  result<void> commit(const checkpoint& what) override {
    return faults_->commit.run([&] { return base_->commit(what); });
  }
  result<std::vector<shard_marker>> markers() override { return base_->markers(); }
  result<std::vector<std::optional<robot_row>>>
  robots(std::span<const std::string_view> names) override {
    return faults_->robots.run([&] { return base_->robots(names); });
  }
  result<std::vector<robot_row>> scan_robots(std::string_view after, std::size_t limit) override {
    return faults_->reads.run([&] { return base_->scan_robots(after, limit); });
  }
  result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at) override {
    return faults_->reads.run([&] { return base_->floor(robot, at); });
  }
  result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at) override {
    return faults_->reads.run([&] { return base_->ceil(robot, at); });
  }
  result<std::vector<event_row>> scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                                      std::size_t limit) override {
    return faults_->reads.run([&] { return base_->scan(robot, from, to, limit); });
  }
  result<std::vector<std::optional<position>>> exact(std::span<const key> keys) override {
    return faults_->reads.run([&] { return base_->exact(keys); });
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
  std::unique_ptr<event_store> base_;
  std::shared_ptr<plans> faults_;
};

} // namespace telemetry::test
