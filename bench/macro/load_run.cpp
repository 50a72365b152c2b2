#include "bench/macro/load_run.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/prctl.h>

namespace telemetry::bench {

namespace {

constexpr std::size_t receive_bytes = std::size_t{256} * 1024;
constexpr std::int64_t stall_ns = 30'000'000'000;
constexpr std::int64_t wait_ns_max = 100'000'000;
// Closer sends go together: a timer for each of 100,000 a second takes a core, which is what the
// server under test then waits for. Being late for it counts as latency.
constexpr std::int64_t wait_ns_min = 50'000;

void watch(int epoll, int operation, int fd, std::size_t lane, bool write) {
  epoll_event wanted{};
  wanted.events = EPOLLIN | (write ? std::uint32_t{EPOLLOUT} : 0);
  wanted.data.u64 = lane;
  if (::epoll_ctl(epoll, operation, fd, &wanted) != 0)
    throw_errno("epoll_ctl");
}

} // namespace

load_run::load_run(const load_options& options, fleet& events)
    : options_(options), events_(events), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(receive_bytes, '\0') {
  // Without it the kernel may wake an open-loop sender 50 us late.
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  if (options_.rate > 0)
    interval_ns_per_message_ = static_cast<std::int64_t>(
        1e9 * static_cast<double>(options_.message.lines) / options_.rate);
  for (std::size_t lane = 0; lane < options_.connections; ++lane) {
    connections_.push_back({producer(options_.port, lane, options_.message)});
    watch(epoll_.get(), EPOLL_CTL_ADD, connections_.back().peer.fd(), lane, false);
  }
}

void load_run::run() {
  start_ns_ = last_answer_ns_ = now_ns();
  if (options_.rate == 0)
    for (std::size_t lane = 0; lane < connections_.size(); ++lane)
      fill(lane, start_ns_);
  for (auto now = start_ns_; !finished(now); now = now_ns()) {
    if (options_.rate > 0)
      make_due(now);
    wait_and_receive(until_next_due_ns());
    if (in_flight_ > 0 && now - last_answer_ns_ > stall_ns)
      throw std::runtime_error("no answer for 30 s");
  }
  seconds_ = static_cast<double>(now_ns() - start_ns_) / 1e9;
}

void load_run::hold(std::chrono::milliseconds how_long) {
  time_is_up_ = true;
  const auto end = now_ns() + std::chrono::nanoseconds(how_long).count();
  for (auto left = end - now_ns(); left > 0; left = end - now_ns())
    wait_and_receive(std::min(left, wait_ns_max));
}

void load_run::close() {
  for (auto& at : connections_)
    at.peer.close();
}

std::uint64_t load_run::quota(const connection& at) const {
  const auto planned = options_.rate > 0 ? at.due : options_.messages_per_connection;
  return time_is_up_ ? at.queued : planned;
}

/// When the given message of a lane should be sent (open loop).
std::int64_t load_run::due_ns(std::size_t lane, std::uint64_t message) const {
  const auto number = static_cast<std::int64_t>(message * connections_.size() + lane);
  return start_ns_ + number * interval_ns_per_message_;
}

void load_run::make_due(std::int64_t now) {
  const auto all = options_.messages_per_connection * connections_.size();
  while (!time_is_up_ && scheduled_ < all) {
    const auto lane = scheduled_ % connections_.size();
    if (due_ns(lane, connections_[lane].due) > now)
      return;
    ++connections_[lane].due;
    ++scheduled_;
    fill(lane, now);
  }
}

/// Sends what the quota and the window of a connection allow.
void load_run::fill(std::size_t lane, std::int64_t now) {
  auto& at = connections_[lane];
  const auto allowed = quota(at);
  while (at.queued < allowed && !at.peer.window_full()) {
    auto from = now;
    if (options_.rate > 0) {
      from = due_ns(lane, at.queued);
      totals_.lateness.record(now - from);
    }
    at.peer.queue(events_, totals_, from);
    ++at.queued;
    ++in_flight_;
  }
  flush(lane);
}

void load_run::flush(std::size_t lane) {
  auto& at = connections_[lane];
  at.peer.flush();
  if (at.peer.wants_to_write() == at.polled_for_write)
    return;
  at.polled_for_write = !at.polled_for_write;
  watch(epoll_.get(), EPOLL_CTL_MOD, at.peer.fd(), lane, at.polled_for_write);
}

std::int64_t load_run::until_next_due_ns() const {
  if (interval_ns_per_message_ == 0)
    return wait_ns_max;
  const auto lane = scheduled_ % connections_.size();
  const auto left = due_ns(lane, connections_[lane].due) - now_ns();
  return left <= 0 ? 0 : std::clamp(left, wait_ns_min, wait_ns_max);
}

void load_run::wait_and_receive(std::int64_t wait_ns) {
  std::array<epoll_event, 256> ready;
  const timespec timeout{0, wait_ns};
  const auto count = ::epoll_pwait2(epoll_.get(), ready.data(), ready.size(), &timeout, nullptr);
  if (count < 0 && errno != EINTR)
    throw_errno("epoll_wait");
  for (int i = 0; i < count; ++i) {
    const auto lane = ready[static_cast<std::size_t>(i)].data.u64;
    const auto answered = connections_[lane].peer.receive(totals_, buffer_);
    const auto now = now_ns();
    in_flight_ -= answered;
    if (answered > 0)
      last_answer_ns_ = now;
    fill(lane, now);
  }
}

bool load_run::finished(std::int64_t now) {
  const bool is_over =
      options_.seconds > 0 && static_cast<double>(now - start_ns_) > options_.seconds * 1e9;
  if (is_over || *options_.stop != 0)
    time_is_up_ = true;
  const auto all = options_.messages_per_connection * connections_.size();
  return in_flight_ == 0 && (time_is_up_ || totals_.messages_sent == all);
}

} // namespace telemetry::bench
