#pragma once

#include "storage/mysql/mysql_pool.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace telemetry::mysql {

/// A named lock (GET_LOCK) on its own session. It refuses a second process at the start.
///
/// The lock is lost with its connection. A thread checks it every 15 s and takes it again. In the
/// meantime, and on clusters whose servers do not share such locks, the epoch of mysql_database
/// fences.
///
/// Thread-safety: full. The destructor waits for a running look(), within the timeouts.
class mysql_lock {
public:
  explicit mysql_lock(mysql_pool& pool);
  ~mysql_lock();
  mysql_lock(const mysql_lock&) = delete;
  mysql_lock& operator=(const mysql_lock&) = delete;

  /// Takes the lock on `session`. Waits up to 5 s for a holder, which may be a process that was
  /// just killed. Throws sql::SQLException.
  /// @returns false if another process holds it.
  [[nodiscard]] bool take(mysql_session& session) const;

  /// Becomes the owner of `session`, which took the lock, and starts the thread. Call it once.
  void hold(std::unique_ptr<mysql_session> session);

  /// Checks that the connection still holds the lock, and takes it again on a new connection
  /// otherwise. Ignores errors, because the next look() tries again. Blocks.
  void look();

private:
  void run();

  mysql_pool& pool_;
  const std::string name_;
  std::mutex session_mutex_;
  std::unique_ptr<mysql_session> session_; ///< holds the lock; null if it was lost
  std::mutex mutex_;                       ///< guards stopping_
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace telemetry::mysql
