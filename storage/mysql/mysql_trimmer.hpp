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

/// Deletes trimmed journal rows on its own thread and connection, in transactions of bounded size,
/// so that appends never wait for it. After an error it tries again at the next trim(). Rows that
/// remain at the end are deleted by a trim() of the next process (rule 21).
///
/// Thread-safety: full. The destructor waits for the running transaction.
class mysql_trimmer {
public:
  explicit mysql_trimmer(std::shared_ptr<mysql_database> database);
  ~mysql_trimmer();
  mysql_trimmer(const mysql_trimmer&) = delete;
  mysql_trimmer& operator=(const mysql_trimmer&) = delete;

  /// Schedules the deletion of the entries of `shard` up to and including `upto`. Never blocks.
  void trim(std::uint32_t shard, std::uint64_t upto);

private:
  /// Shard to the last batch number to delete.
  using cuts = std::map<std::uint32_t, std::uint64_t>;

  void run();
  [[nodiscard]] bool delete_some(cuts& left);

  std::shared_ptr<mysql_database> database_;
  std::mutex mutex_; ///< guards the members below
  std::condition_variable changed_;
  cuts wanted_;
  bool failed_ = false; ///< wanted_ waits for the next trim()
  bool stopping_ = false;
  std::thread thread_; ///< declared last, because it uses the other members
};

} // namespace telemetry::mysql
