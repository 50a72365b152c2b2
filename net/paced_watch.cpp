#include "net/paced_watch.hpp"

#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <system_error>
#include <utility>

namespace telemetry::net {

using std::chrono::nanoseconds;

boost::asio::execution_context::id paced_watch::id;

namespace {

timespec to_timespec(nanoseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {seconds.count(), (time - seconds).count()};
}

int new_timer() {
  const int made = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (made < 0)
    throw std::system_error(errno, std::generic_category(), "timerfd_create");
  return made;
}

} // namespace

paced_watch::paced_watch(boost::asio::execution_context& io_context)
    : service(io_context), prompt_(boost::asio::use_service<socket_watch>(
                                       static_cast<boost::asio::io_context&>(io_context))
                                       .members()),
      timer_(new_timer()) {
  boost::system::error_code ec;
  prompt_.add(timer_, interval_end_, EPOLLIN | EPOLLET, ec);
  if (!ec)
    prompt_.add(gathered_.descriptor(), arrival_, EPOLLIN | EPOLLONESHOT, ec);
  if (ec)
    throw boost::system::system_error(ec, "epoll_ctl");
}

void paced_watch::take_over(int descriptor, epoll_set::member& one, boost::system::error_code& ec) {
  prompt_.remove(descriptor);
  gathered_.add(descriptor, one, epoll_set::socket_events, ec);
}

void paced_watch::give_back(int descriptor, epoll_set::member& one, boost::system::error_code& ec) {
  gathered_.remove(descriptor);
  prompt_.add(descriptor, one, epoll_set::socket_events, ec);
}

void paced_watch::shutdown() {
  gathered_.close();
  if (timer_ >= 0)
    ::close(std::exchange(timer_, -1));
}

/// Called once after each rest, because of EPOLLONESHOT.
void paced_watch::on_arrival() {
  begin_intervals();
  tell_members();
  told_meanwhile_ = 0; // these came before the interval
}

void paced_watch::on_interval() {
  std::uint64_t expirations = 0; // read, because the kernel does not start the timer again before
  if (::read(timer_, &expirations, sizeof expirations) < 0)
    return; // it was stopped
  tell_members();
  const auto told = std::exchange(told_meanwhile_, 0);
  if (told == 0)
    rest();
  else
    adapt_interval(told);
}

void paced_watch::tell_members() {
  const auto told = gathered_.tell_ready();
  told_meanwhile_ += told;
  if (told == epoll_set::told_max)
    boost::asio::post(static_cast<boost::asio::io_context&>(context()), [this] {
      if (gathered_.descriptor() >= 0)
        tell_members();
    });
}

void paced_watch::begin_intervals() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const nanoseconds since_start = std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
  const auto interval = interval_ / (1 << halvings_);
  itimerspec times{};
  times.it_interval = to_timespec(interval);
  times.it_value = to_timespec((since_start / interval + 1) * interval);
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &times, nullptr);
}

void paced_watch::adapt_interval(int told) {
  constexpr int many = 48; // members
  constexpr int few = 16;
  constexpr int in_a_row = 8; // longer than the trial of a producer (producer_pace.hpp)
  constexpr int halvings_most = 2;
  if (told >= many)
    crowded_ = std::max(crowded_, 0) + 1;
  else
    crowded_ = told < few ? std::min(crowded_, 0) - 1 : 0;
  if (std::abs(crowded_) < in_a_row)
    return;
  const int before = halvings_;
  halvings_ = std::clamp(halvings_ + (crowded_ > 0 ? 1 : -1), 0, halvings_most);
  crowded_ = 0;
  if (halvings_ != before)
    begin_intervals();
}

void paced_watch::rest() {
  halvings_ = crowded_ = 0;
  const itimerspec never{};
  ::timerfd_settime(timer_, 0, &never, nullptr);
  prompt_.change(gathered_.descriptor(), arrival_, EPOLLIN | EPOLLONESHOT);
}

} // namespace telemetry::net
