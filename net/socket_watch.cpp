#include "net/socket_watch.hpp"

#include <boost/asio/post.hpp>

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

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

/// The reactor performs it at every edge of the epoll and keeps it until the watch is shut down.
class socket_watch::ready_operation final : public boost::asio::detail::reactor_op {
public:
  explicit ready_operation(socket_watch& owner)
      : reactor_op({}, &ready_operation::do_perform, &ready_operation::do_complete), owner_(owner) {
  }

private:
  static status do_perform(reactor_op* base) {
    static_cast<ready_operation*>(base)->owner_.tell_members();
    return not_done;
  }
  /// Called once, when the reactor releases it.
  static void do_complete(void*, boost::asio::detail::operation* base,
                          const boost::system::error_code&, std::size_t) {
    delete static_cast<ready_operation*>(base);
  }

  socket_watch& owner_;
};

socket_watch::socket_watch(boost::asio::execution_context& io_context)
    : service(io_context),
      reactor_(boost::asio::use_service<boost::asio::detail::reactor>(io_context)),
      epoll_(new_epoll()) {
  reactor_.init_task();
  reactor_.register_internal_descriptor(boost::asio::detail::reactor::read_op, epoll_,
                                        registration_, new ready_operation(*this));
}

void socket_watch::add(int descriptor, member& one, boost::system::error_code& ec) {
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  wanted.data.ptr = &one;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &wanted) < 0)
    ec.assign(errno, boost::system::system_category());
}

void socket_watch::shutdown() {
  if (epoll_ < 0)
    return;
  reactor_.deregister_internal_descriptor(epoll_, registration_);
  reactor_.cleanup_descriptor_data(registration_);
  ::close(std::exchange(epoll_, -1));
}

void socket_watch::tell_members() {
  std::array<epoll_event, 128> ready;
  const int count = epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), 0);
  for (int i = 0; i < count; ++i)
    static_cast<member*>(ready[static_cast<std::size_t>(i)].data.ptr)
        ->on_events(ready[static_cast<std::size_t>(i)].events);
  if (count == static_cast<int>(ready.size())) // remaining events make no new edge
    boost::asio::post(static_cast<boost::asio::io_context&>(context()), [this] {
      if (epoll_ >= 0)
        tell_members();
    });
}

} // namespace telemetry::net
