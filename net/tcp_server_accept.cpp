// Which connections are accepted, and which limits they meet.
#include "net/tcp_server.hpp"

#include "net/network_list.hpp"
#include "net/socket_stream.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <numeric>

namespace telemetry::net::detail {

namespace {

/// Time that a connection has to show a right, even if many others wait for that.
constexpr std::chrono::seconds unproven_patience{1};
constexpr std::chrono::milliseconds unproven_pause{50};

} // namespace

std::size_t tcp_server::connections() const {
  // In the order that a connection takes, so that none is missed on its way.
  const auto opening = tls_ ? tls_->count() : 0;
  const auto arriving = arriving_.load();
  return std::accumulate(
      threads_.begin(), threads_.end(), opening + arriving,
      [](std::size_t sum, const auto& thread) { return sum + thread->sessions().count(); });
}

std::size_t tcp_server::unproven_connections() const {
  if (!asks_for_keys_)
    return 0;
  const auto opening = tls_ ? tls_->count() : 0; // no request has come on these
  return std::accumulate(threads_.begin(), threads_.end(), opening + arriving_.load(),
                         [](std::size_t sum, const auto& thread) {
                           return sum + thread->sessions().unproven_count();
                         });
}

/// Those whose peers have shown a right; an estimate while connections come and go.
std::size_t tcp_server::proven_connections() const {
  const auto all = connections();
  return all - std::min(all, unproven_connections());
}

/// Keeps the connections that have shown no right within unproven_max, so that they take no room
/// from others: cuts the oldest, but none that had less than `unproven_patience` to show one.
/// @returns how long to pause before the next socket is accepted.
std::chrono::milliseconds tcp_server::make_room_for_unproven() {
  if (!asks_for_keys_ || unproven_connections() < options_.unproven_max)
    return {};
  const auto& crowded = *std::ranges::min_element(
      threads_, {}, [](const auto& one) { return one->sessions().oldest_unproven(); });
  const auto oldest = crowded->sessions().oldest_unproven();
  const auto now = session_registry::clock::now();
  if (oldest > now - unproven_patience)
    return unproven_pause;
  boost::asio::post(crowded->context(),
                    [&sessions = crowded->sessions()] { sessions.cut_oldest_unproven(); });
  return {};
}

bool tcp_server::comes_from_proxy(const descriptor& socket) const {
  const auto peer = peer_of(socket);
  if (options_.trusted_proxies && options_.trusted_proxies->contains(peer.address()))
    return true;
  if (options_.on_stranger)
    options_.on_stranger(peer.address().to_string());
  return false;
}

/// @returns how long to pause before the next socket is accepted.
std::chrono::milliseconds tcp_server::start_session(entrance at, descriptor socket) {
  if (at == entrance::plain && options_.plain_is_for_proxies && !comes_from_proxy(socket))
    return {};
  const auto index = dealt_++ % threads_.size();
  auto& thread = *threads_[index];
  auto* const context = context_for_next(*surroundings_[index]);
  if (!context)
    return {}; // closes it
  const auto pause = make_room_for_unproven();
  if (at == entrance::tls) {
    tls_->open(std::move(socket), [this, &thread, context](std::unique_ptr<byte_stream> stream) {
      move_to(thread, *context, std::move(stream));
    });
    return pause;
  }
  ++arriving_;
  boost::asio::post(thread.context(), [this, &thread, context, s = std::move(socket)]() mutable {
    start_http_session(
        std::make_unique<socket_stream>(thread.context().get_executor(), std::move(s)), *context);
    --arriving_;
  });
  return pause;
}

/// Starts the session of a stream that was opened on another thread.
void tcp_server::move_to(pooled_io_thread& thread, session_context& context,
                         std::unique_ptr<byte_stream> stream) {
  stream->rebind(thread.context().get_executor());
  ++arriving_;
  boost::asio::post(thread.context(), [this, &context, s = std::move(stream)]() mutable {
    start_http_session(std::move(s), context);
    --arriving_;
  });
}

/// @returns nullptr if too many sockets are being refused already.
session_context* tcp_server::context_for_next(surroundings& around) {
  const auto before = proven_connections();
  const bool lacks_memory = memory_.is_exceeded();
  if (lacks_memory)
    memory_.count_refusal();
  if (before >= options_.connections_max + refusals_max ||
      memory_.bytes() > memory_.bytes_max() + memory_.margin())
    return nullptr;
  if (before >= options_.connections_max)
    return &around.over_limit;
  return lacks_memory ? &around.over_memory : &around.normal;
}

} // namespace telemetry::net::detail
