#include "net/socket_stream.hpp"

#include "net/listener.hpp"
#include "net/paced_watch.hpp"
#include "net/socket_watch.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace telemetry::net {

namespace {

/// Translates the result of a non-blocking recv() or send().
/// @returns the number of bytes; 0 without an error if the call would have blocked.
std::size_t transferred(ssize_t result, boost::system::error_code& ec) {
  if (result >= 0)
    return static_cast<std::size_t>(result);
  if (errno != EAGAIN && errno != EWOULDBLOCK)
    ec.assign(errno, boost::system::system_category());
  return 0;
}

} // namespace

boost::asio::ip::tcp::endpoint peer_of(const descriptor& socket) noexcept {
  boost::asio::ip::tcp::endpoint peer;
  auto size = static_cast<socklen_t>(peer.capacity());
  if (::getpeername(socket.get(), peer.data(), &size) != 0 ||
      (peer.data()->sa_family != AF_INET && peer.data()->sa_family != AF_INET6))
    return {};
  return peer;
}

socket_stream::socket_stream(boost::asio::any_io_executor executor, descriptor socket)
    : executor_(std::move(executor)), socket_(std::move(socket)) {
  set_option(SOL_SOCKET, SO_SNDBUF, kernel_send_bytes);
  set_option(SOL_SOCKET, SO_RCVBUF, kernel_receive_bytes);
  set_option(IPPROTO_TCP, TCP_NODELAY, 1); // fails for a Unix domain socket, which has no delay
}

/// A failure is ignored, because the connection works without the option; and without a descriptor
/// watch() fails.
void socket_stream::set_option(int level, int name, int value) noexcept {
  ::setsockopt(socket_.get(), level, name, &value, sizeof value);
}

void socket_stream::watch(stream_listener& listener, error_code& ec) {
  listener_ = &listener;
  if (std::exchange(is_watched_, true))
    return;
  auto& loop = boost::asio::query(executor_, boost::asio::execution::context);
  boost::asio::use_service<socket_watch>(loop).members().add(socket_.get(), *this,
                                                             epoll_set::socket_events, ec);
}

std::size_t socket_stream::try_read(std::span<char> space, error_code& ec) {
  const auto result = ::recv(socket_.get(), space.data(), space.size(), MSG_DONTWAIT);
  const auto size = transferred(result, ec);
  if (result == 0)
    ec = boost::asio::error::eof;
  // A read that does not fill the space has emptied the socket, and later bytes are a new edge. But
  // the end of the stream may have come in the same event as these bytes. In that case read once
  // more, until a read returns 0 bytes. (A read also stops at urgent data. The bytes after that
  // wait for the next segment.)
  is_readable_ = size == space.size() || (is_over_ && size > 0);
  return size;
}

std::size_t socket_stream::try_write(std::string_view bytes, error_code& ec) {
  const auto result =
      ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  const auto size = transferred(result, ec);
  is_writable_ = size == bytes.size();
  return size;
}

void socket_stream::end_writing() noexcept { ::shutdown(socket_.get(), SHUT_WR); }

void socket_stream::reset_at_close(bool on) noexcept {
  if (std::exchange(resets_at_close_, on) == on)
    return;
  const linger reset{.l_onoff = on ? 1 : 0, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

void socket_stream::gather_reads(bool on, error_code& ec) {
  if (!is_watched_ || std::exchange(gathers_reads_, on) == on)
    return;
  auto& loop = boost::asio::query(executor_, boost::asio::execution::context);
  auto& paced = boost::asio::use_service<paced_watch>(loop);
  if (on)
    paced.take_over(socket_.get(), *this, ec);
  else
    paced.give_back(socket_.get(), *this, ec);
}

void socket_stream::close() noexcept {
  listener_ = nullptr;
  socket_.close();
}

std::string socket_stream::peer_address() const {
  const auto peer = peer_of(socket_);
  return peer.port() == 0 ? "" : address_text(peer.address().to_string(), peer.port());
}

void socket_stream::on_events(std::uint32_t events) {
  is_over_ = is_over_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  is_readable_ = is_readable_ || is_over_ || (events & EPOLLIN) != 0;
  is_writable_ = is_writable_ || is_over_ || (events & EPOLLOUT) != 0;
  if (listener_ != nullptr)
    listener_->on_ready();
}

std::optional<local_user> socket_stream::peer_user() const {
  int family = 0;
  socklen_t size = sizeof family;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) < 0 || family != AF_UNIX)
    return std::nullopt;
  ucred peer{};
  size = sizeof peer;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
    return std::nullopt;
  return local_user{.uid = peer.uid, .pid = peer.pid};
}

} // namespace telemetry::net
