#include "access/file_watch.hpp"

#include <pthread.h>
#include <sys/stat.h>

#include <chrono>
#include <utility>

namespace telemetry::access {

namespace {

constexpr std::chrono::milliseconds look_interval{250};

/// A text that differs if one of the files was replaced, written or removed.
std::string state_of(const std::vector<std::string>& paths) {
  std::string out;
  for (const auto& path : paths) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) {
      out += "none;";
      continue;
    }
    for (const auto part :
         {static_cast<long long>(found.st_dev), static_cast<long long>(found.st_ino),
          static_cast<long long>(found.st_size), static_cast<long long>(found.st_mode),
          static_cast<long long>(found.st_uid), static_cast<long long>(found.st_gid),
          static_cast<long long>(found.st_mtim.tv_sec),
          static_cast<long long>(found.st_mtim.tv_nsec)})
      out.append(std::to_string(part)).append(",");
    out += ';';
  }
  return out;
}

} // namespace

void file_watch::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable())
    thread_.join();
}

void file_watch::add(std::vector<std::string> paths, std::function<bool()> on_change) {
  const auto state = state_of(paths);
  groups_.push_back({std::move(paths), std::move(on_change), state, state});
}

void file_watch::start() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "file_watch"); // for `top -H`
    run();
  });
}

void file_watch::look_now() {
  {
    const std::lock_guard lock(mutex_);
    must_tell_ = true;
  }
  changed_.notify_one();
}

void file_watch::run() {
  for (;;) {
    bool must_tell = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, look_interval, [this] { return is_stopping_ || must_tell_; });
      if (is_stopping_)
        return;
      must_tell = std::exchange(must_tell_, false);
    }
    for (auto& one : groups_)
      look(one, must_tell);
    if (after_each_look_)
      after_each_look_();
  }
}

void file_watch::look(group& at, bool must_tell) {
  auto state = state_of(at.paths);
  const bool is_at_rest = state == std::exchange(at.seen, state);
  if (!must_tell && (state == at.told || !is_at_rest))
    return;
  at.told = at.on_change() ? std::move(state) : "not read";
}

} // namespace telemetry::access
