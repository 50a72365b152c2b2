#pragma once

#include "storage/memory/memory_event_store.hpp"
#include "storage/memory/memory_journal.hpp"
#include "storage/open_storage.hpp"
#include "tests/support/faulty_event_store.hpp"
#include "tests/support/faulty_journal.hpp"
#include "tests/support/whole_log.hpp"

#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace telemetry::test {

/// A database in memory that outlives the process that opens it. It fails on command, loses power
/// on command, and keeps the whole log beside the journal.
class memory_database {
public:
  explicit memory_database(std::uint32_t count)
      : shards(count), log(count), journal(std::make_shared<memory::memory_log>(count)),
        tables(std::make_shared<memory::memory_tables>(count)),
        journal_faults(std::make_shared<faulty_journal::plans>()),
        store_faults(std::make_shared<faulty_event_store::plans>()) {}

  /// Opens the database for a new process.
  [[nodiscard]] storage open() {
    powered = true;
    storage made;
    made.journal =
        std::make_unique<faulty_journal>(std::make_unique<kept_journal>(*this), journal_faults);
    made.store =
        std::make_unique<faulty_event_store>(std::make_unique<kept_store>(*this), store_faults);
    made.shards = shards;
    made.description = "memory";
    made.free_bytes = [this]() -> result<std::uint64_t> { return free_bytes; };
    return made;
  }

  [[nodiscard]] bool journal_is_empty() const {
    for (const auto& one : journal->shards)
      if (!one.empty())
        return false;
    return true;
  }

  const std::uint32_t shards;
  whole_log log;
  std::shared_ptr<memory::memory_log> journal;
  std::shared_ptr<memory::memory_tables> tables;
  std::shared_ptr<faulty_journal::plans> journal_faults;
  std::shared_ptr<faulty_event_store::plans> store_faults;
  bool powered = true; ///< if false, no write becomes durable
  std::uint64_t free_bytes = std::numeric_limits<std::uint64_t>::max();
  /// The next append makes the batches of shards s with bit s set durable, and reports a failure.
  std::uint64_t tear_next_append = no_tear;
  static constexpr std::uint64_t no_tear = std::numeric_limits<std::uint64_t>::max();
  std::vector<checkpoint> committed; ///< without robots: markers of every checkpoint

private:
  static failure off() { return {errc::unavailable, "the power is off"}; }

  class kept_journal final : public telemetry::journal {
  public:
    explicit kept_journal(memory_database& home) : home_(home), base_(home.journal) {}

    result<void> append(std::span<const journal_batch> batches) override {
      if (!home_.powered)
        return off();
      const auto mask = std::exchange(home_.tear_next_append, no_tear);
      std::vector<journal_batch> durable;
      for (const auto& batch : batches)
        if ((mask >> batch.shard & 1) != 0)
          durable.push_back(batch);
      for (const auto& batch : durable)
        home_.log.append(batch);
      auto outcome = base_.append(durable);
      if (mask != no_tear)
        return failure{errc::unavailable, "torn by the test"};
      return outcome;
    }
    result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override {
      return base_.replay(shard, after, visit);
    }
    result<std::uint64_t> last_batch(std::uint32_t shard) override {
      return base_.last_batch(shard);
    }
    result<void> trim(std::uint32_t shard, std::uint64_t upto) override {
      return home_.powered ? base_.trim(shard, upto) : result<void>{off()};
    }

  private:
    memory_database& home_;
    memory::memory_journal base_;
  };

  class kept_store final : public event_store {
  public:
    explicit kept_store(memory_database& home) : home_(home), base_(home.tables) {}

    result<std::vector<damaged_robot>> commit(const checkpoint& what) override {
      if (!home_.powered)
        return off();
      home_.committed.push_back({{}, what.markers, {}});
      return base_.commit(what);
    }
    result<std::vector<shard_marker>> markers() override { return base_.markers(); }
    result<std::vector<robot_outcome>> robots(std::span<const std::string_view> names) override {
      return base_.robots(names);
    }
    result<robot_page> scan_robots(std::string_view after, std::string_view before,
                                   std::size_t limit) override {
      return base_.scan_robots(after, before, limit);
    }
    result<std::optional<event_row>> floor(robot_id robot, timestamp_ms at) override {
      return base_.floor(robot, at);
    }
    result<std::optional<event_row>> ceil(robot_id robot, timestamp_ms at) override {
      return base_.ceil(robot, at);
    }
    result<std::vector<event_row>> scan(robot_id robot, timestamp_ms from, timestamp_ms to,
                                        std::size_t limit) override {
      return base_.scan(robot, from, to, limit);
    }
    result<std::vector<position_outcome>> exact(std::span<const key> keys) override {
      return base_.exact(keys);
    }
    std::optional<std::optional<robot_row>> cached_robot(std::string_view name) override {
      return base_.cached_robot(name);
    }
    std::optional<range_ends> cached_ends(robot_id robot, timestamp_ms from,
                                          timestamp_ms to) override {
      return base_.cached_ends(robot, from, to);
    }

  private:
    memory_database& home_;
    memory::memory_event_store base_;
  };
};

} // namespace telemetry::test
