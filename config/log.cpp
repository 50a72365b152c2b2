#include "config/log.hpp"

#include "config/log_line.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace telemetry::log {
namespace {

/// Lines that may wait for stderr: about 1.6 MB at 200 bytes each.
constexpr std::size_t queue_lines_max = 8192;

/// Longest wait of flush() if stderr is not read, for example at the end of the process.
constexpr std::chrono::seconds flush_patience{2};

/// A logger, and (if asynchronous) its queue and writer thread. The destructor writes all queued
/// lines.
struct channel {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::logger> logger;

  channel(const spdlog::sink_ptr& sink, bool is_async) {
    if (is_async) {
      pool = std::make_shared<spdlog::details::thread_pool>(queue_lines_max, 1);
      logger = std::make_shared<spdlog::async_logger>(
          "", sink, pool, spdlog::async_overflow_policy::overrun_oldest);
    } else {
      logger = std::make_shared<spdlog::logger>("", sink);
    }
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::warn);
  }
};

/// The log behind the functions of this file. Thread-safe. A caller holds the lock while it queues
/// a line. Queueing never waits for stderr.
class stderr_log {
public:
  stderr_log() : sink_(std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    sink_->set_pattern("%v");
    channel_ = std::make_unique<channel>(sink_, false);
  }

  void start(level least, format how) {
    auto next = std::make_unique<channel>(sink_, true);
    const std::lock_guard lock(mutex_);
    least_ = least;
    format_ = how;
    channel_ = std::move(next);
    dropped_reported_ = 0;
  }

  void flush() {
    auto next = std::make_unique<channel>(sink_, true);
    std::unique_lock lock(mutex_);
    if (!channel_->pool)
      return;
    const std::size_t dropped = newly_dropped();
    auto last = std::exchange(channel_, std::move(next));
    dropped_reported_ = 0;
    lock.unlock();

    std::promise<void> written;
    auto is_written = written.get_future();
    std::thread([this, last = std::move(last), dropped, written = std::move(written)]() mutable {
      last.reset();
      if (dropped > 0)
        put(channel(sink_, false), level::warn, drop_message, {{"lines", dropped}});
      written.set_value();
    }).detach();
    is_written.wait_for(flush_patience);
  }

  void write(level importance, std::string_view message, fields what) {
    if (importance < least_.load(std::memory_order_relaxed))
      return;
    const std::lock_guard lock(mutex_);
    // Not while the queue is full, because then this notice itself would push out lines.
    if (!is_full())
      if (const std::size_t dropped = newly_dropped(); dropped > 0)
        put(*channel_, level::warn, drop_message, {{"lines", dropped}});
    put(*channel_, importance, message, what);
  }

private:
  static constexpr std::string_view drop_message = "log lines dropped: stderr is too slow";

  bool is_full() { return channel_->pool && channel_->pool->queue_size() >= queue_lines_max; }

  /// Number of lines that the full queue has dropped since the last call.
  std::size_t newly_dropped() {
    const std::size_t total = channel_->pool ? channel_->pool->overrun_counter() : 0;
    return total - std::exchange(dropped_reported_, total);
  }

  void put(const channel& to, level importance, std::string_view message, fields what) {
    const std::string line =
        encode(format_, importance, std::chrono::system_clock::now(), message, what);
    to.logger->log(importance >= level::warn ? spdlog::level::warn : spdlog::level::info,
                   spdlog::string_view_t(line.data(), line.size()));
  }

  const spdlog::sink_ptr sink_;
  std::atomic<level> least_ = level::info;
  std::mutex mutex_; ///< guards the members below
  std::unique_ptr<channel> channel_;
  std::atomic<format> format_ = format::logfmt;
  std::size_t dropped_reported_ = 0;
};

/// Never destroyed, because other static objects may log while the process ends.
stderr_log& the_log() {
  static stderr_log* const log = new stderr_log;
  return *log;
}

} // namespace

void start(level least, format how) { the_log().start(least, how); }
void flush() { the_log().flush(); }

void debug(std::string_view message, fields what) { the_log().write(level::debug, message, what); }
void info(std::string_view message, fields what) { the_log().write(level::info, message, what); }
void warn(std::string_view message, fields what) { the_log().write(level::warn, message, what); }
void error(std::string_view message, fields what) { the_log().write(level::error, message, what); }

} // namespace telemetry::log
