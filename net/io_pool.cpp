#include "net/io_pool.hpp"

#include <boost/asio/post.hpp>

namespace telemetry::net {

pooled_io_thread::pooled_io_thread(std::size_t index, std::chrono::milliseconds tick)
    : index_(index), tick_(tick), context_(1), work_(context_.get_executor()), timer_(context_) {
  this->tick();
  thread_ = std::thread([this] { context_.run(); });
}

// Only the first of a batch of tasks wakes the thread up: that is a system call.
void pooled_io_thread::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_)
      return;
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1)
      return;
  }
  boost::asio::post(context_, [this] { run_tasks(); });
}

// A task that throws is a bug of its owner, and nobody is left to tell: the process ends.
void pooled_io_thread::run_tasks() noexcept {
  {
    const std::lock_guard lock(mutex_);
    running_.swap(tasks_);
  }
  for (auto& task : running_)
    task();
  running_.clear();
}

void pooled_io_thread::tick() {
  timer_.expires_after(tick_);
  timer_.async_wait([this](boost::system::error_code ec) {
    if (ec)
      return;
    sessions_.tick_all();
    tick();
  });
}

void pooled_io_thread::stop() {
  if (!thread_.joinable())
    return;
  boost::asio::post(context_, [this] {
    timer_.cancel();
    sessions_.cut_all();
    constexpr int rounds_max = 1000;
    stop_when_empty(rounds_max);
  });
  thread_.join();
  std::vector<std::function<void()>> unrun;
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  unrun.swap(tasks_);
}

// A session that was cut is gone after a few more handlers of its own.
void pooled_io_thread::stop_when_empty(int rounds_left) {
  if (sessions_.count() == 0 || rounds_left == 0)
    context_.stop();
  else
    boost::asio::post(context_, [this, rounds_left] { stop_when_empty(rounds_left - 1); });
}

} // namespace telemetry::net
