#include "net/io_pool.hpp"

#include "net/paced_watch.hpp"

#include <boost/asio/post.hpp>

#include <pthread.h>
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

pooled_io_thread::pooled_io_thread(std::size_t index, std::chrono::milliseconds tick,
                                   memory_budget* memory, std::function<void()> after_tick)
    : index_(index), tick_(tick), after_tick_(std::move(after_tick)), wake_(new_eventfd()),
      sessions_(memory), context_(1), work_(context_.get_executor()), timer_(context_) {
  boost::system::error_code ec;
  auto& watch = boost::asio::use_service<socket_watch>(context_);
  watch.members().add(wake_, *this, epoll_set::socket_events, ec);
  if (ec)
    throw boost::system::system_error(ec, "epoll_ctl");
  boost::asio::use_service<paced_watch>(context_); // now, because it needs descriptors
  this->tick();
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "net.io"); // for `top -H`
    context_.run();
  });
}

pooled_io_thread::~pooled_io_thread() {
  stop();
  ::close(wake_);
}

// Only the first of a batch of tasks wakes the thread up, because that takes a system call
// (ADR 0021). Asio's own wake-up is not used, because it holds a lock that the thread needs as soon
// as it is awake. The eventfd is never read, because every write to it is an edge for epoll.
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

// An exception from a task is a bug. It ends the process, because no caller is left to handle it.
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
    if (after_tick_)
      after_tick_();
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
  while (waking_ > 0) // because another thread may still be inside post()
    std::this_thread::yield();
}

// Sessions that were cut end after a few more handlers. Therefore the loop runs on until all have
// ended, for a bounded number of rounds.
void pooled_io_thread::stop_when_empty(int rounds_left) {
  if (sessions_.count() == 0 || rounds_left == 0)
    context_.stop();
  else
    boost::asio::post(context_, [this, rounds_left] { stop_when_empty(rounds_left - 1); });
}

} // namespace telemetry::net
