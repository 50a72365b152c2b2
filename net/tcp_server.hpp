#pragma once

#include "net/descriptor_limit.hpp"
#include "net/http_session.hpp"
#include "net/io_pool.hpp"
#include "net/listener.hpp"
#include "net/server.hpp"
#include "net/tls_credentials.hpp"
#include "net/tls_entrance.hpp"
#include "net/unix_socket.hpp"

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

namespace telemetry::net::detail {

inline constexpr std::string_view too_many = "too many connections";
inline constexpr std::string_view too_much_memory = "the connections hold too much memory";

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
  void review_some(pooled_io_thread& thread);
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

} // namespace telemetry::net::detail
