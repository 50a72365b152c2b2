// Life of the server: opens the entrances, reports, drains and stops.
#include "net/tcp_server.hpp"

#include "net/paced_watch.hpp"
#include "net/tls_credentials.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <future>

namespace telemetry::net {

namespace detail {

namespace {

/// Idle time-out of sockets above connections_max, so that a silent one does not keep a descriptor.
constexpr std::chrono::seconds refusal_patience{5};
/// Between two turns in which sessions ask for their rights again.
constexpr std::chrono::milliseconds review_pause{2};
/// Between two calls of server_options::on_memory_full.
constexpr std::chrono::minutes report_interval{1};

server_options refusing(server_options options) {
  options.idle_timeout =
      std::min<std::chrono::milliseconds>(options.idle_timeout, refusal_patience);
  return options;
}

} // namespace

tcp_server::tcp_server(const server_options& options)
    : options_(options), refusing_options_(refusing(options)), memory_(options.memory_bytes_max) {
  const auto tick = tick_interval(options_.idle_timeout);
  for (std::size_t i = 0; i < options_.io_threads; ++i) {
    threads_.push_back(std::make_unique<pooled_io_thread>(
        i, tick, &memory_, i == 0 ? [this] { report(); } : std::function<void()>()));
    handles_.push_back(threads_.back().get());
  }
}

listener::handlers tcp_server::handlers_of(entrance at) {
  return {[this, at](descriptor socket) { return start_session(at, std::move(socket)); },
          [this](std::string_view reason) {
            if (options_.on_accept_failure)
              options_.on_accept_failure(reason);
          },
          [this, at] { return at == entrance::tls && tls_->is_full(); }};
}

result<void> tcp_server::open(entrance at, const std::string& host, std::uint16_t port) {
  auto candidate = std::make_unique<listener>(threads_.front()->context(), handlers_of(at));
  if (auto opened = candidate->open(host, port); !opened)
    return opened;
  listeners_.emplace_back(at, std::move(candidate));
  return {};
}

result<void> tcp_server::open_door() {
  if (options_.unix_socket.path.empty())
    return {};
  auto made = unix_socket::open(options_.unix_socket);
  if (!made)
    return made.error();
  door_.emplace(std::move(*made));
  auto one = std::make_unique<listener>(threads_.front()->context(), handlers_of(entrance::door));
  one->open(door_->take());
  listeners_.emplace_back(entrance::door, std::move(one));
  return {};
}

result<void> tcp_server::open_all() {
  if (!options_.host.empty())
    if (auto opened = open(entrance::plain, options_.host, options_.port); !opened)
      return opened;
  if (auto opened = open_door(); !opened)
    return opened;
  if (!options_.tls)
    return {};
  tls_ = std::make_unique<tls_entrance>(options_, memory_);
  return open(entrance::tls, options_.tls_host, options_.tls_port);
}

tcp_server::surroundings::surroundings(tcp_server& server, pooled_io_thread& thread,
                                       upstream_factory& upstreams, api& rest, callers_ptr callers)
    : known(std::move(callers)), normal{server.options_, upstreams,         rest,
                                        thread,          thread.sessions(), known},
      over_limit{server.refusing_options_, server.closed_, rest,    thread,
                 thread.sessions(),        known,          too_many},
      over_memory{
          server.refusing_options_, server.short_of_memory_, rest, thread, thread.sessions(), known,
          too_much_memory} {
  normal.is_full = [&server] {
    return server.proven_connections() >= server.options_.connections_max;
  };
  normal.over_limit = &over_limit;
}

result<void> tcp_server::listen(upstream_factory& upstreams, api& rest, callers_ptr known) {
  asks_for_keys_ = known->asks_for_keys();
  if (auto opened = open_all(); !opened)
    return opened;
  for (auto& thread : threads_) {
    boost::asio::post(thread->context(), [this, &loop = thread->context()] {
      boost::asio::use_service<paced_watch>(loop).set_interval(options_.read_delay);
    });
    surroundings_.push_back(std::make_unique<surroundings>(*this, *thread, upstreams, rest, known));
  }
  boost::asio::post(threads_.front()->context(), [this] {
    for (const auto& [at, one] : listeners_)
      one->accept();
  });
  return {};
}

listener* tcp_server::listener_of(entrance at) const {
  const auto found = std::ranges::find(listeners_, at, [](const auto& one) { return one.first; });
  return found == listeners_.end() ? nullptr : found->second.get();
}

std::uint16_t tcp_server::port(entrance at) const {
  const auto* const one = listener_of(at);
  return one == nullptr ? std::uint16_t{0} : one->port();
}

std::string tcp_server::address(entrance at) const {
  if (listener_of(at) == nullptr)
    return "";
  if (at == entrance::door)
    return options_.unix_socket.path;
  return address_text(at == entrance::tls ? options_.tls_host : options_.host, port(at));
}

/// Called after each tick of the first I/O thread.
void tcp_server::report() {
  report_memory();
  report_expiry();
}

void tcp_server::report_expiry() {
  if (!options_.tls || !options_.on_certificate_expiry)
    return;
  const auto ends_at = options_.tls->current()->ends_at();
  if (const auto left = expiry_.due(ends_at, std::chrono::system_clock::now()))
    options_.on_certificate_expiry(*left);
}

void tcp_server::report_memory() {
  const auto now = std::chrono::steady_clock::now();
  if (!options_.on_memory_full || now < next_report_)
    return;
  const auto lost = memory_.take_losses();
  if (lost.cut == 0 && lost.refused == 0)
    return;
  next_report_ = now + report_interval;
  options_.on_memory_full(lost.cut, lost.refused);
}

void tcp_server::set_callers(callers_ptr known) {
  for (std::size_t i = 0; i < threads_.size(); ++i)
    boost::asio::post(threads_[i]->context(), [this, i, known] {
      surroundings_[i]->known = known;
      if (threads_[i]->sessions().start_review())
        review_some(*threads_[i]);
    });
}

/// With pauses, so that others are served while thousands of connections end.
void tcp_server::review_some(pooled_io_thread& thread) {
  if (!thread.sessions().review_some())
    return;
  const auto pause = std::make_shared<boost::asio::steady_timer>(thread.context(), review_pause);
  pause->async_wait([this, &thread, pause](boost::system::error_code) { review_some(thread); });
}

void tcp_server::stop_accepting() {
  door_.reset(); // while it is listened on, or a starting server could replace the file meanwhile
  if (listeners_.empty())
    return;
  std::promise<void> done;
  boost::asio::post(threads_.front()->context(), [&] {
    for (const auto& [at, one] : listeners_)
      one->close();
    done.set_value();
  });
  done.get_future().wait();
}

void tcp_server::on_every_thread(void (session_registry::*what)()) {
  for (auto& thread : threads_)
    boost::asio::post(thread->context(),
                      [&sessions = thread->sessions(), what] { (sessions.*what)(); });
}

// Polls, because that is simpler than a signal from every session, and happens once in a process.
std::size_t tcp_server::wait_until_gone(std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (connections() > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return connections();
}

std::size_t tcp_server::drain(std::chrono::milliseconds patience) {
  stop_accepting();
  if (tls_)
    tls_->drain();
  on_every_thread(&session_registry::drain_all);
  const auto left = wait_until_gone(patience);
  if (left > 0) {
    on_every_thread(&session_registry::cut_all);
    wait_until_gone(std::chrono::seconds(1));
  }
  return left;
}

void tcp_server::stop() {
  if (std::exchange(is_stopped_, true))
    return;
  stop_accepting();
  if (tls_)
    tls_->stop(); // before the threads that it hands streams to
  for (auto& thread : threads_)
    thread->stop();
}

} // namespace detail

std::unique_ptr<server> make_server(const server_options& options) {
  return std::make_unique<detail::tcp_server>(options);
}

} // namespace telemetry::net
