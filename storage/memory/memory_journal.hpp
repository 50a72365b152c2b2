#pragma once

#include "storage/paired_journal.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace telemetry::memory {

/// Content of a memory_journal. Shared, so that a test can close a journal and open it again.
struct memory_log {
  struct entry {
    std::uint64_t epoch;
    batch_stamp stamp;
    record_kind kind;
    std::string payload;
  };
  explicit memory_log(std::uint32_t count) : shards(count) {}
  std::vector<std::map<std::uint64_t, entry>> shards; ///< batch_no -> entry
  std::uint64_t opening = 0;                          ///< of the store, when it was used last
};

/// A journal in memory, for tests. Like journal, but entries live only as long as their memory_log.
class memory_journal final : public paired_journal {
public:
  explicit memory_journal(std::shared_ptr<memory_log> log);

  result<void> append(std::span<const journal_batch> batches) override;
  result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override;
  result<std::uint64_t> last_batch(std::uint32_t shard) override;
  result<void> trim(std::uint32_t shard, std::uint64_t upto) override;

  result<std::uint64_t> opening() override { return log_->opening; }
  result<void> note_opening(std::uint64_t number) override;
  /// Memory forgets nothing, and takes any number.
  result<missing_batches> find_missing(std::span<const shard_marker>,
                                       const journal_pairing&) override {
    return missing_batches{};
  }
  result<void> meet(std::span<shard_marker>) override { return {}; }

private:
  std::shared_ptr<memory_log> log_;
};

} // namespace telemetry::memory
