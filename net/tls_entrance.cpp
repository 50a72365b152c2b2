#include "net/tls_entrance.hpp"

#include "net/socket_stream.hpp"
#include "net/tls_credentials.hpp"
#include "net/tls_opening.hpp"

#include <boost/asio/post.hpp>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace telemetry::net {

namespace {

/// Names the calling thread, for `top -H`, and lowers its priority, which Linux has for each
/// thread. A failure is ignored, because handshakes work without it.
void become_handshake_thread() {
  constexpr int lower_by = 5;
  ::pthread_setname_np(::pthread_self(), "tls.handshakes");
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), lower_by);
}

} // namespace

tls_entrance::tls_entrance(const server_options& options, memory_budget& memory)
    : options_(options) {
  const auto tick = tick_interval(options.handshake_timeout);
  for (std::size_t i = 0; i < options.tls_threads; ++i) {
    threads_.push_back(std::make_unique<pooled_io_thread>(i, tick, &memory));
    boost::asio::post(threads_.back()->context(), become_handshake_thread);
  }
}

void tls_entrance::open(descriptor socket,
                        std::function<void(std::unique_ptr<byte_stream>)> on_open) {
  ++count_;
  auto& thread = *threads_[dealt_++ % threads_.size()];
  const auto deadline = std::chrono::steady_clock::now() + options_.handshake_timeout;
  auto on_end = [this, then = std::move(on_open)](std::unique_ptr<byte_stream> stream,
                                                  std::string_view why) {
    if (stream)
      then(std::move(stream));
    else if (options_.on_handshake_failure)
      options_.on_handshake_failure(why);
    --count_; // now, because a server that drains must see the connection all the time
  };
  boost::asio::post(thread.context(), [this, &thread, deadline, s = std::move(socket),
                                       end = std::move(on_end)]() mutable {
    start_tls_opening(
        std::make_unique<socket_stream>(thread.context().get_executor(), std::move(s)),
        thread.sessions(), thread, {options_.tls, deadline, std::move(end)});
  });
}

bool tls_entrance::is_full() const noexcept { return count() >= options_.handshakes_max; }

void tls_entrance::drain() {
  for (auto& thread : threads_)
    boost::asio::post(thread->context(),
                      [&sessions = thread->sessions()] { sessions.drain_all(); });
}

void tls_entrance::stop() {
  for (auto& thread : threads_)
    thread->stop();
}

} // namespace telemetry::net
