#include "net/socket_watch.hpp"

#include <boost/asio/post.hpp>

namespace telemetry::net {

boost::asio::execution_context::id socket_watch::id;

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
      reactor_(boost::asio::use_service<boost::asio::detail::reactor>(io_context)) {
  reactor_.init_task();
  reactor_.register_internal_descriptor(boost::asio::detail::reactor::read_op,
                                        members_.descriptor(), registration_,
                                        new ready_operation(*this));
}

void socket_watch::shutdown() {
  if (members_.descriptor() < 0)
    return;
  reactor_.deregister_internal_descriptor(members_.descriptor(), registration_);
  reactor_.cleanup_descriptor_data(registration_);
  members_.close();
}

void socket_watch::tell_members() {
  if (members_.tell_ready() < epoll_set::told_max)
    return;
  boost::asio::post(static_cast<boost::asio::io_context&>(context()), [this] {
    if (members_.descriptor() >= 0) // remaining events make no new edge
      tell_members();
  });
}

} // namespace telemetry::net
