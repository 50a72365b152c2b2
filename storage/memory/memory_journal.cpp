#include "storage/memory/memory_journal.hpp"

#include <array>
#include <utility>

namespace telemetry::memory {

memory_journal::memory_journal(std::shared_ptr<memory_log> log) : log_(std::move(log)) {}

result<void> memory_journal::append(std::span<const journal_batch> batches) {
  for (const journal_batch& batch : batches) {
    assert(batch.shard < log_->shards.size() && batch.stamp.batch_no > 0);
    std::string payload;
    for (const std::string_view part : batch.payload)
      payload += part;
    log_->shards[batch.shard].insert_or_assign(
        batch.stamp.batch_no,
        memory_log::entry{batch.epoch, batch.stamp, batch.kind, std::move(payload)});
  }
  return {};
}

result<void> memory_journal::replay(std::uint32_t shard, std::uint64_t after,
                                    const visitor& visit) {
  const auto& entries = log_->shards[shard];
  std::uint64_t expected = after;
  for (auto it = entries.upper_bound(after); it != entries.end(); ++it) {
    const auto& [batch_no, entry] = *it;
    if (batch_no != ++expected)
      return failure{errc::corrupt, "journal entry " + std::to_string(expected) + " of shard " +
                                        std::to_string(shard) + " is missing; the next one is " +
                                        std::to_string(batch_no)};
    const std::array<std::string_view, 1> payload{entry.payload};
    if (auto visited = visit({shard, entry.epoch, entry.stamp, entry.kind, payload}); !visited)
      return visited;
  }
  return {};
}

result<std::uint64_t> memory_journal::last_batch(std::uint32_t shard) {
  const auto& entries = log_->shards[shard];
  return entries.empty() ? 0 : entries.rbegin()->first;
}

result<void> memory_journal::trim(std::uint32_t shard, std::uint64_t upto) {
  auto& entries = log_->shards[shard];
  entries.erase(entries.begin(), entries.upper_bound(upto));
  return {};
}

result<void> memory_journal::note_opening(std::uint64_t number) {
  log_->opening = number;
  return {};
}

} // namespace telemetry::memory
