#include "storage/file_journal/file_journal_index.hpp"

#include <algorithm>
#include <cassert>

namespace telemetry::journal_files {
namespace {

bool is_below(const journal_index::place& left, std::uint64_t batch_no) {
  return left.batch_no < batch_no;
}

} // namespace

std::vector<shard_ends> journal_index::all_ends() const {
  std::vector<shard_ends> all;
  all.reserve(shards_.size());
  for (const shard_log& log : shards_)
    all.push_back(log.ends);
  return all;
}

std::vector<std::uint64_t> journal_index::all_lasts() const {
  std::vector<std::uint64_t> all;
  all.reserve(shards_.size());
  for (const shard_log& log : shards_)
    all.push_back(log.ends.last);
  return all;
}

bool journal_index::is_empty() const {
  return std::all_of(shards_.begin(), shards_.end(),
                     [](const shard_log& log) { return log.places.empty(); });
}

std::vector<journal_index::place> journal_index::places(std::uint32_t shard,
                                                        std::uint64_t after) const {
  const std::deque<place>& all = shards_[shard].places;
  return {std::lower_bound(all.begin(), all.end(), after + 1, is_below), all.end()};
}

void journal_index::add(std::uint32_t shard, const place& where) {
  shard_log& log = shards_[shard];
  log.ends.last = std::max(log.ends.last, where.batch_no);
  if (where.batch_no <= log.ends.trimmed)
    return;
  const auto at = std::lower_bound(log.places.begin(), log.places.end(), where.batch_no, is_below);
  if (at != log.places.end() && at->batch_no == where.batch_no)
    *at = where;
  else
    log.places.insert(at, where); // at the end if the batches come in order
}

bool journal_index::trim(std::uint32_t shard, std::uint64_t upto) {
  shard_log& log = shards_[shard];
  if (upto <= log.ends.trimmed)
    return false;
  if (log.ends.trimmed == log.durable)
    pending_.push_back(shard);
  log.ends.trimmed = upto;
  log.ends.last = std::max(log.ends.last, upto);
  while (!log.places.empty() && log.places.front().batch_no <= upto)
    log.places.pop_front();
  return true;
}

void journal_index::raise(std::span<const shard_ends> to) {
  assert(to.size() == shards_.size() && pending_.empty());
  for (std::uint32_t shard = 0; shard < to.size(); ++shard) {
    trim(shard, to[shard].trimmed);
    shard_log& log = shards_[shard];
    log.ends.last = std::max(log.ends.last, to[shard].last);
  }
  persisted();
}

std::vector<journal_trim> journal_index::pending() const {
  std::vector<journal_trim> trims;
  trims.reserve(pending_.size());
  for (const std::uint32_t shard : pending_)
    trims.push_back({shard, shards_[shard].ends.trimmed});
  return trims;
}

void journal_index::persisted() {
  for (const std::uint32_t shard : pending_)
    shards_[shard].durable = shards_[shard].ends.trimmed;
  pending_.clear();
}

} // namespace telemetry::journal_files
