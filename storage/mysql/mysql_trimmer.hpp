#pragma once

#include "core/result.hpp"
#include "storage/mysql/mysql_database.hpp"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace telemetry::mysql {

/// Deletes trimmed journal rows on a thread and a connection of its own, a bounded number per
/// transaction, so that appends never wait for it. What fails is tried again with the next trim();
/// what is left at the end goes with the next one of another process (rule 21).
///
/// Thread-safety: full. The destructor waits for the transaction that runs.
class mysql_trimmer {
public:
  explicit mysql_trimmer(std::shared_ptr<mysql_database> database);
  ~mysql_trimmer();
  mysql_trimmer(const mysql_trimmer&) = delete;
  mysql_trimmer& operator=(const mysql_trimmer&) = delete;

  /// Has the entries of `shard` up to and including `upto` deleted, some time. Never blocks.
  void trim(std::uint32_t shard, std::uint64_t upto);

private:
  /// Shards and the last batch to delete of each.
  using cuts = std::map<std::uint32_t, std::uint64_t>;

  void run();
  [[nodiscard]] bool delete_some(cuts& left);

  std::shared_ptr<mysql_database> database_;
  std::mutex mutex_; ///< guards what follows
  std::condition_variable changed_;
  cuts wanted_;
  bool failed_ = false; ///< wanted_ waits for the next trim()
  bool stopping_ = false;
  std::thread thread_; ///< last: uses all of it
};

} // namespace telemetry::mysql
