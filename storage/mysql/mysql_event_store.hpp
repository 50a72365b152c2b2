#pragma once

#include "storage/checkpoint_check.hpp"
#include "storage/event_store.hpp"
#include "storage/mysql/mysql_checkpoint.hpp"
#include "storage/mysql/mysql_database.hpp"

#include <memory>

namespace telemetry::mysql {

/// An event store in MySQL tables (docs/formats.md, "MySQL"). Like event_store; mysql_checkpoint
/// writes the checkpoints. Reads are text queries on pooled sessions, and are repeated if a
/// connection is lost.
class mysql_event_store final : public event_store {
public:
  /// @param sizes smaller than the defaults only in tests.
  explicit mysql_event_store(std::shared_ptr<mysql_database> database,
                             const checkpoint_sizes& sizes = {});

  result<std::vector<damaged_robot>> commit(const checkpoint& what) override;
  [[nodiscard]] std::vector<tenure> fenced() const override { return writer_.fenced(); }
  result<std::vector<shard_marker>> markers() override;
  result<std::vector<robot_outcome>> robots(std::span<const std::string_view> names) override;
  result<robot_page> scan_robots(std::string_view after, std::string_view before,
                                 std::size_t limit) override;
  result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at) override;
  result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at) override;
  result<std::vector<event_row>> scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                                      std::size_t limit) override;
  result<std::vector<position_outcome>> exact(std::span<const key> keys) override;
  [[nodiscard]] std::chrono::milliseconds silence() const override;

private:
  /// Runs `work(session)`, which only reads `table`.
  template <class Work>
  auto read(std::string_view table, Work work);

  std::shared_ptr<mysql_database> database_;
  server_silence reads_;
  server_silence commits_;
  mysql_checkpoint writer_; ///< uses commits_
  checkpoint_check check_;
};

} // namespace telemetry::mysql
