#include "net/epoll_set.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace telemetry::net {

epoll_set::epoll_set() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0)
    throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

int epoll_set::control(int operation, int descriptor, member& one, std::uint32_t events) noexcept {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.ptr = &one;
  return epoll_ctl(epoll_, operation, descriptor, &wanted);
}

void epoll_set::add(int descriptor, member& one, std::uint32_t events,
                    boost::system::error_code& ec) {
  if (control(EPOLL_CTL_ADD, descriptor, one, events) < 0)
    ec.assign(errno, boost::system::system_category());
}

// These two cannot fail for a descriptor that is in the set.
void epoll_set::change(int descriptor, member& one, std::uint32_t events) noexcept {
  control(EPOLL_CTL_MOD, descriptor, one, events);
}

void epoll_set::remove(int descriptor) noexcept {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
}

int epoll_set::tell_ready() {
  std::array<epoll_event, told_max> ready;
  const int count = epoll_wait(epoll_, ready.data(), told_max, 0);
  for (int i = 0; i < count; ++i) {
    const auto& one = ready[static_cast<std::size_t>(i)];
    static_cast<member*>(one.data.ptr)->on_events(one.events);
  }
  return count;
}

void epoll_set::close() noexcept {
  if (epoll_ >= 0)
    ::close(std::exchange(epoll_, -1));
}

} // namespace telemetry::net
