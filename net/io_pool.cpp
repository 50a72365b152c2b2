#include "net/io_pool.hpp"

#include <boost/asio/post.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace telemetry::net {

namespace {

int new_eventfd() {
  const int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made < 0)
    throw std::system_error(errno, std::generic_category(), "eventfd");
  return made;
}

} // namespace

pooled_io_thread::pooled_io_thread(std::size_t index, std::chrono::milliseconds tick)
    : index_(index), tick_(tick), wake_(new_eventfd()), context_(1), work_(context_.get_executor()),
      timer_(context_) {
  boost::system::error_code ec;
  boost::asio::use_service<socket_watch>(context_).add(wake_, *this, ec);
  if (ec)
    throw boost::system::system_error(ec, "epoll_ctl");
  this->tick();
  thread_ = std::thread([this] { context_.run(); });
}

pooled_io_thread::~pooled_io_thread() {
  stop();
  ::close(wake_);
}

// Only the first of a batch of tasks wakes the thread up: that is a system call. Not Asio's, which
// holds a lock meanwhile that the thread wants as soon as it is awake. Every write is an edge, so
// nobody needs to read the eventfd.
void pooled_io_thread::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_)
      return;
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1)
      return;
    ++waking_;
  }
  if (context_.get_executor().running_in_this_thread())
    boost::asio::post(context_, [this] { run_tasks(); });
  else
    eventfd_write(wake_, 1);
  --waking_;
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
  while (waking_ > 0) // who woke us may still be about to leave post()
    std::this_thread::yield();
}

// A session that was cut is gone after a few more handlers of its own.
void pooled_io_thread::stop_when_empty(int rounds_left) {
  if (sessions_.count() == 0 || rounds_left == 0)
    context_.stop();
  else
    boost::asio::post(context_, [this, rounds_left] { stop_when_empty(rounds_left - 1); });
}

} // namespace telemetry::net
