#pragma once

#include "storage/journal.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace telemetry::test {

/// Appends batch `batch_no` to the shards 0 and 1, with a payload that tells which it is.
inline result<void> append_entries(journal& to, std::uint64_t batch_no, std::size_t bytes = 100) {
  const std::string payload(bytes, static_cast<char>('a' + batch_no % 26));
  const std::array<std::string_view, 1> parts{payload};
  const std::array batches{
      journal_batch{0, 1, {batch_no, 1, 0, 0}, record_kind::events, parts},
      journal_batch{1, 1, {batch_no, 1, 0, 0}, record_kind::events, parts},
  };
  return to.append(batches);
}

/// Numbers of the entries of `shard` behind `after`; fails the test if the log is damaged, has a
/// hole, or holds something else than append_entries() gave it.
inline std::vector<std::uint64_t> replay_entries(journal& from, std::uint32_t shard,
                                                 std::uint64_t after) {
  std::vector<std::uint64_t> seen;
  const auto outcome = from.replay(shard, after, [&](const journal_batch& batch) {
    seen.push_back(batch.stamp.batch_no);
    const std::string_view payload = batch.payload[0];
    EXPECT_TRUE(std::all_of(payload.begin(), payload.end(), [&](char c) {
      return c == static_cast<char>('a' + batch.stamp.batch_no % 26);
    }));
    return result<void>();
  });
  EXPECT_TRUE(outcome) << outcome.error().text;
  return seen;
}

inline std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t n = from; n <= to; ++n)
    all.push_back(n);
  return all;
}

} // namespace telemetry::test
