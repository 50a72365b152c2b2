#pragma once

#include <utility> // Boost 1.74's Asio needs it in C++20

#include "net/io_thread.hpp"
#include "net/session.hpp"
#include "net/socket_watch.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace telemetry::net {

/// An io_thread with its event loop and its sessions. Runs from construction to stop().
class pooled_io_thread final : public io_thread, private epoll_set::member {
public:
  /// Starts the thread. Throws if the system lacks resources.
  /// @param tick interval of session::tick().
  /// @param memory of the process, for the sessions; nullptr: no bound
  /// @param after_tick called after each tick, on this thread; may be empty
  pooled_io_thread(std::size_t index, std::chrono::milliseconds tick,
                   memory_budget* memory = nullptr, std::function<void()> after_tick = {});
  ~pooled_io_thread() override;
  pooled_io_thread(const pooled_io_thread&) = delete;
  pooled_io_thread& operator=(const pooled_io_thread&) = delete;

  void post(std::function<void()> task) override;
  [[nodiscard]] std::size_t index() const noexcept override { return index_; }

  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
  [[nodiscard]] session_registry& sessions() noexcept { return sessions_; }

  /// Cuts the sessions, waits for their last handlers, and joins the thread. Blocks. Idempotent.
  /// Never call it on this thread.
  void stop();

private:
  void on_events(std::uint32_t) override { run_tasks(); }
  void run_tasks() noexcept;
  void tick();
  void stop_when_empty(int rounds_left);

  const std::size_t index_;
  const std::chrono::milliseconds tick_;
  const std::function<void()> after_tick_;
  const int wake_;             ///< an eventfd
  std::atomic<int> waking_{0}; ///< calls of post() that still use this object
  std::mutex mutex_;           ///< guards the next two members
  std::vector<std::function<void()>> tasks_;
  bool is_stopped_ = false;
  std::vector<std::function<void()>> running_; ///< tasks that run; used on this thread only
  session_registry sessions_;
  boost::asio::io_context context_; ///< destroyed before the members that its handlers use
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  std::thread thread_;
};

} // namespace telemetry::net
