#include "net/socket_watch.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace telemetry::net {

boost::asio::execution_context::id socket_watch::id;

namespace {

int new_epoll() {
  const int made = epoll_create1(EPOLL_CLOEXEC);
  if (made < 0)
    throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return made;
}

} // namespace

socket_watch::socket_watch(boost::asio::execution_context& io_context)
    : service(io_context), epoll_(static_cast<boost::asio::io_context&>(io_context), new_epoll()) {
  wait();
}

void socket_watch::add(int descriptor, member& one, boost::system::error_code& ec) {
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  wanted.data.ptr = &one;
  if (epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, descriptor, &wanted) < 0)
    ec.assign(errno, boost::system::system_category());
}

void socket_watch::shutdown() {
  boost::system::error_code ignored; // the descriptor is closed after an error too
  epoll_.close(ignored);
}

void socket_watch::wait() {
  epoll_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [this](boost::system::error_code ec) {
                      if (ec) // epoll_ was closed, because the event loop ends
                        return;
                      tell_members();
                      wait(); // completes at once if more events are ready
                    });
}

void socket_watch::tell_members() {
  std::array<epoll_event, 128> ready;
  const int count =
      epoll_wait(epoll_.native_handle(), ready.data(), static_cast<int>(ready.size()), 0);
  for (int i = 0; i < count; ++i)
    static_cast<member*>(ready[static_cast<std::size_t>(i)].data.ptr)
        ->on_events(ready[static_cast<std::size_t>(i)].events);
}

} // namespace telemetry::net
