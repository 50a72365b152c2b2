#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace telemetry::access {

/// Looks at files four times a second on a thread of its own, and tells when they have changed. It
/// compares what stat(2) says, because that also works on network file systems and for secrets that
/// Kubernetes mounts, where inotify(7) sees nothing.
///
/// Thread-safety: look_now() may be called on any thread. Callbacks run on the thread of the watch.
class file_watch {
public:
  /// @param after_each_look called after each look; may be empty
  explicit file_watch(std::function<void()> after_each_look)
      : after_each_look_(std::move(after_each_look)) {}
  ~file_watch() { stop(); }
  file_watch(const file_watch&) = delete;
  file_watch& operator=(const file_watch&) = delete;

  /// Calls `on_change` when one of `paths` is another file than at the last call, or than now, and
  /// the next look finds the same, because a file may be in the middle of being written. @pre
  /// before start()
  ///
  /// @param on_change returns whether it is done; if not, the next look calls it again
  void add(std::vector<std::string> paths, std::function<bool()> on_change);
  void start();
  /// Waits for a callback that runs. Idempotent.
  void stop();
  /// Calls all on_change soon, whether or not a file has changed.
  void look_now();

private:
  struct group {
    std::vector<std::string> paths;
    std::function<bool()> on_change;
    std::string told; ///< state of the files at the last call
    std::string seen; ///< state at the last look
  };

  void run();
  static void look(group& at, bool must_tell);

  std::vector<group> groups_;
  std::function<void()> after_each_look_;
  std::mutex mutex_; ///< guards the next two members
  bool must_tell_ = false;
  bool is_stopping_ = false;
  std::condition_variable changed_;
  std::thread thread_;
};

} // namespace telemetry::access
