#pragma once

#include "storage/file_journal/file_journal_format.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace telemetry::journal_files {

/// The index of a journal in files, in memory. It has the place of each batch, the ends of each
/// shard, and the trims that are on the disk.
///
/// Thread-safety: none. Memory: 24 bytes per batch that is not trimmed.
class journal_index {
public:
  struct place {
    std::uint64_t batch_no;
    std::uint64_t segment;
    std::uint64_t offset; ///< of the record in the segment
  };

  explicit journal_index(std::uint32_t shards) : shards_(shards) {}

  [[nodiscard]] const shard_ends& ends(std::uint32_t shard) const { return shards_[shard].ends; }
  [[nodiscard]] std::vector<shard_ends> all_ends() const;
  [[nodiscard]] std::vector<std::uint64_t> all_lasts() const;
  /// The last batch of the shard whose trim is durable.
  [[nodiscard]] std::uint64_t durably_trimmed(std::uint32_t shard) const {
    return shards_[shard].durable;
  }
  /// Whether there are no batches.
  [[nodiscard]] bool is_empty() const;

  /// The places of the batches of `shard` above `after`, in order.
  [[nodiscard]] std::vector<place> places(std::uint32_t shard, std::uint64_t after) const;

  /// Adds a batch of `shard`. Replaces a batch with the same number.
  void add(std::uint32_t shard, const place& where);
  /// Removes the batches up to `upto`. @returns false if they were trimmed already.
  bool trim(std::uint32_t shard, std::uint64_t upto);
  /// Raises the ends to those of a segment's head, which is durable. Never lowers an end.
  void raise(std::span<const shard_ends> to);

  /// Trims that are not durable yet.
  [[nodiscard]] std::vector<journal_trim> pending() const;
  [[nodiscard]] std::size_t pending_count() const noexcept { return pending_.size(); }
  /// Marks all trims so far as durable.
  void persisted();

private:
  struct shard_log {
    shard_ends ends;
    std::uint64_t durable = 0; ///< trimmed, on the disk
    std::deque<place> places;
  };

  std::vector<shard_log> shards_;
  std::vector<std::uint32_t> pending_; ///< shards whose last trim is not durable
};

} // namespace telemetry::journal_files
