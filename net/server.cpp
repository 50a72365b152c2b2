#include "net/server.hpp"

#include "net/descriptor_limit.hpp"
#include "net/http_session.hpp"
#include "net/io_pool.hpp"
#include "net/listener.hpp"
#include "net/network_list.hpp"
#include "net/paced_watch.hpp"
#include "net/socket_stream.hpp"
#include "net/tls_credentials.hpp"
#include "net/tls_entrance.hpp"
#include "net/unix_socket.hpp"

#include <boost/asio/post.hpp>

#include <future>
#include <numeric>
#include <optional>

namespace telemetry::net {

namespace {

/// Idle time-out of sockets above connections_max, so that a silent one does not keep a descriptor.
constexpr std::chrono::seconds refusal_patience{5};
/// Time that a connection has to show a right, even if many others wait for that.
constexpr std::chrono::seconds unproven_patience{1};
constexpr std::chrono::milliseconds unproven_pause{50};
/// Between two calls of server_options::on_memory_full.
constexpr std::chrono::minutes report_interval{1};

server_options refusing(server_options options) {
  options.idle_timeout =
      std::min<std::chrono::milliseconds>(options.idle_timeout, refusal_patience);
  return options;
}

constexpr std::string_view too_many = "too many connections";
constexpr std::string_view too_much_memory = "the connections hold too much memory";

/// Refuses all WebSockets.
class closed_factory final : public upstream_factory {
public:
  explicit closed_factory(std::string_view why) : why_(why) {}
  result<std::unique_ptr<upstream>> open(upstream_peer&, io_thread&, caller_ptr) override {
    return failure{errc::unavailable, std::string(why_)};
  }

private:
  std::string_view why_;
};

class tcp_server final : public server {
public:
  explicit tcp_server(const server_options& options);
  ~tcp_server() override { tcp_server::stop(); }

  [[nodiscard]] std::span<io_thread* const> io_threads() const override { return handles_; }
  [[nodiscard]] result<void> listen(upstream_factory& upstreams, api& rest,
                                    callers_ptr known) override;
  [[nodiscard]] std::uint16_t port(entrance at) const override;
  [[nodiscard]] std::string address(entrance at) const override;
  void set_callers(callers_ptr known) override;
  std::size_t drain(std::chrono::milliseconds patience) override;
  void stop() override;

private:
  /// What the sessions of one I/O thread share: the callers, and the contexts of sessions within
  /// all limits, above that of connections, and above that of their memory.
  struct surroundings {
    surroundings(tcp_server& server, pooled_io_thread& thread, upstream_factory& upstreams,
                 api& rest, callers_ptr callers);

    callers_ptr known;
    session_context normal;
    session_context over_limit;
    session_context over_memory;
  };

  [[nodiscard]] result<void> open(entrance at, const std::string& host, std::uint16_t port);
  [[nodiscard]] result<void> open_door();
  [[nodiscard]] result<void> open_all();
  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] std::size_t unproven_connections() const;
  [[nodiscard]] std::size_t proven_connections() const;
  [[nodiscard]] std::chrono::milliseconds make_room_for_unproven();
  [[nodiscard]] bool comes_from_proxy(const descriptor& socket) const;
  [[nodiscard]] listener::handlers handlers_of(entrance at);
  [[nodiscard]] listener* listener_of(entrance at) const;
  std::chrono::milliseconds start_session(entrance at, descriptor socket);
  void move_to(pooled_io_thread& thread, session_context& context,
               std::unique_ptr<byte_stream> stream);
  [[nodiscard]] session_context* context_for_next(surroundings& around);
  void report();
  void report_memory();
  void report_expiry();
  void stop_accepting();
  void on_every_thread(void (session_registry::*what)());
  std::size_t wait_until_gone(std::chrono::milliseconds patience) const;

  const server_options options_;
  const server_options refusing_options_; ///< for sockets that are refused
  closed_factory closed_{too_many};
  closed_factory short_of_memory_{too_much_memory};
  memory_budget memory_;                                    ///< of all connections
  std::chrono::steady_clock::time_point next_report_{};     ///< used on the first thread only
  std::vector<std::unique_ptr<surroundings>> surroundings_; ///< by thread index; filled by listen()
  std::size_t dealt_ = 0;                ///< used on the first thread only, to deal sockets in turn
  std::atomic<std::size_t> arriving_{0}; ///< accepted sockets whose session has not started
  std::vector<std::unique_ptr<pooled_io_thread>> threads_;
  std::vector<io_thread*> handles_;
  expiry_warnings expiry_;            ///< used on the first thread only
  std::unique_ptr<tls_entrance> tls_; ///< nullptr without a TLS listener
  /// On the first thread's event loop.
  std::vector<std::pair<entrance, std::unique_ptr<listener>>> listeners_;
  bool asks_for_keys_ = false;      ///< set by listen(), before any socket comes
  std::optional<unix_socket> door_; ///< whose socket the listener has; until accepting stops
  bool is_stopped_ = false;
};

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
      threads_[i]->sessions().review_all();
    });
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

} // namespace

std::unique_ptr<server> make_server(const server_options& options) {
  return std::make_unique<tcp_server>(options);
}

} // namespace telemetry::net
