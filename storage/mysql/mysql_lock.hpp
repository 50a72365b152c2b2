#pragma once

#include "storage/mysql/mysql_pool.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace telemetry::mysql {

/// A lock by name (GET_LOCK) on a session of its own: it refuses a second process at the start,
/// politely. It is lost with its connection and taken again by a thread that looks every few
/// seconds; meanwhile, and on clusters whose servers do not share such locks, the epoch of
/// mysql_database fences.
///
/// Thread-safety: full. The destructor waits for a look that runs, within the timeouts.
class mysql_lock {
public:
  explicit mysql_lock(mysql_pool& pool);
  ~mysql_lock();
  mysql_lock(const mysql_lock&) = delete;
  mysql_lock& operator=(const mysql_lock&) = delete;

  /// Takes the lock; waits some seconds for another process that has just been killed. Throws
  /// sql::SQLException.
  /// @returns false if another process holds it.
  [[nodiscard]] bool take(mysql_session& session) const;

  /// Keeps `session`, which took the lock, from now on. Once.
  void hold(std::unique_ptr<mysql_session> session);

  /// Looks whether the lock is still held, and takes it again if its connection was lost. No error:
  /// the next look tries again.
  void look();

private:
  void run();

  mysql_pool& pool_;
  const std::string name_;
  std::mutex session_mutex_;
  std::unique_ptr<mysql_session> session_; ///< null: lost
  std::mutex mutex_;                       ///< guards stopping_
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace telemetry::mysql
