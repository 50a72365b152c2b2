#include "net/server.hpp"

#include "net/descriptor_limit.hpp"
#include "net/http_session.hpp"
#include "net/io_pool.hpp"
#include "net/listener.hpp"
#include "net/socket_stream.hpp"

#include <boost/asio/post.hpp>

#include <future>
#include <numeric>

namespace telemetry::net {

namespace {

/// Idle time-out of sockets above connections_max, so that a silent one does not keep a descriptor.
constexpr std::chrono::seconds refusal_patience{5};

server_options refusing(server_options options) {
  options.idle_timeout =
      std::min<std::chrono::milliseconds>(options.idle_timeout, refusal_patience);
  return options;
}

/// Refuses the WebSockets above connections_max.
class closed_factory final : public upstream_factory {
public:
  result<std::unique_ptr<upstream>> open(upstream_peer&, io_thread&, const caller&) override {
    return failure{errc::unavailable, "too many connections"};
  }
};

class tcp_server final : public server {
public:
  explicit tcp_server(const server_options& options);
  ~tcp_server() override { tcp_server::stop(); }

  [[nodiscard]] std::span<io_thread* const> io_threads() const override { return handles_; }
  [[nodiscard]] result<void> listen(upstream_factory& upstreams, api& rest) override;
  [[nodiscard]] std::uint16_t port() const override { return listener_->port(); }
  [[nodiscard]] std::string address() const override { return address_text(options_.host, port()); }
  std::size_t drain(std::chrono::milliseconds patience) override;
  void stop() override;

private:
  /// The session contexts of one I/O thread: within the limit of connections, and above it.
  struct surroundings {
    session_context normal;
    session_context over_limit;
  };

  [[nodiscard]] listener::destination next_destination();
  [[nodiscard]] std::size_t connections() const;
  void start_session(listener::socket socket, std::size_t index);
  void stop_accepting();
  void on_every_thread(void (session_registry::*what)());
  std::size_t wait_until_gone(std::chrono::milliseconds patience) const;

  const server_options options_;
  const server_options refusing_options_; ///< for sockets above connections_max
  closed_factory closed_;
  std::vector<std::unique_ptr<surroundings>> surroundings_; ///< by thread index; filled by listen()
  std::size_t dealt_ = 0;                ///< used on the first thread only, to deal sockets in turn
  std::atomic<std::size_t> arriving_{0}; ///< accepted sockets whose session has not started
  std::vector<std::unique_ptr<pooled_io_thread>> threads_;
  std::vector<io_thread*> handles_;
  std::unique_ptr<listener> listener_; ///< on the first thread's event loop
  bool is_stopped_ = false;
};

tcp_server::tcp_server(const server_options& options)
    : options_(options), refusing_options_(refusing(options)) {
  const auto tick = tick_interval(options_.idle_timeout);
  for (std::size_t i = 0; i < options_.io_threads; ++i) {
    threads_.push_back(std::make_unique<pooled_io_thread>(i, tick));
    handles_.push_back(threads_.back().get());
  }
}

result<void> tcp_server::listen(upstream_factory& upstreams, api& rest) {
  listener::handlers handlers{[this] { return next_destination(); },
                              [this](listener::socket socket, std::size_t thread) {
                                start_session(std::move(socket), thread);
                              },
                              [this](std::string_view reason) {
                                if (options_.on_accept_failure)
                                  options_.on_accept_failure(reason);
                              }};
  auto candidate = std::make_unique<listener>(threads_.front()->context(), std::move(handlers));
  if (auto opened = candidate->open(options_.host, options_.port); !opened)
    return opened;
  listener_ = std::move(candidate);
  for (auto& thread : threads_)
    surroundings_.emplace_back(new surroundings{
        .normal = {options_, upstreams, rest, *thread, thread->sessions(), false},
        .over_limit = {refusing_options_, closed_, rest, *thread, thread->sessions(), true}});
  boost::asio::post(threads_.front()->context(), [this] { listener_->accept(); });
  return {};
}

std::size_t tcp_server::connections() const {
  return std::accumulate(
      threads_.begin(), threads_.end(), arriving_.load(),
      [](std::size_t sum, const auto& thread) { return sum + thread->sessions().count(); });
}

listener::destination tcp_server::next_destination() {
  auto& thread = *threads_[dealt_++ % threads_.size()];
  return {thread.context(), thread.index()};
}

void tcp_server::start_session(listener::socket socket, std::size_t index) {
  const auto before = connections();
  if (before >= options_.connections_max + refusals_max)
    return; // closes it
  auto& thread = *threads_[index];
  auto& around = *surroundings_[index];
  ++arriving_;
  auto& context = before < options_.connections_max ? around.normal : around.over_limit;
  boost::asio::post(thread.context(), [this, &context, s = std::move(socket)]() mutable {
    start_http_session(std::make_unique<socket_stream>(std::move(s)), context);
    --arriving_;
  });
}

void tcp_server::stop_accepting() {
  if (!listener_)
    return;
  std::promise<void> done;
  boost::asio::post(threads_.front()->context(), [&] {
    listener_->close();
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
  for (auto& thread : threads_)
    thread->stop();
}

} // namespace

std::unique_ptr<server> make_server(const server_options& options) {
  return std::make_unique<tcp_server>(options);
}

} // namespace telemetry::net
