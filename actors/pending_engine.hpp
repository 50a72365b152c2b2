#pragma once

#include "actors/engine.hpp"

#include <mutex>
#include <string>

namespace telemetry {

/// Replaces the engine while the storage is being opened (ADR 0018). Until open() it answers every
/// request with errc::unavailable, closes every WebSocket with 1013, and gives /readyz the reason.
///
/// Thread-safe. It must outlive the server that uses it. The engine must outlive its last request.
class pending_engine final : public net::api, public net::upstream_factory {
public:
  /// Sets the reason why there is no engine, for /readyz and the answers.
  void wait_for(std::string reason);
  /// Forwards all later requests to `served`.
  void open(engine& served) noexcept { engine_.store(&served, std::memory_order_release); }

  // net::api
  void robot(net::io_thread& io, permitted_name name,
             net::callback<std::optional<robot_state>> done) override;
  void odometer(net::io_thread& io, permitted_name name, timestamp_ms from, timestamp_ms to,
                net::callback<double> done) override;
  std::unique_ptr<net::pull_stream<net::named_robot>> robots(net::io_thread& io,
                                                             const net::caller& who,
                                                             const std::string& after,
                                                             std::size_t limit) override;
  std::unique_ptr<net::pull_stream<event_row>> events(net::io_thread& io, permitted_name name,
                                                      timestamp_ms from, timestamp_ms to,
                                                      std::size_t limit) override;
  void ingest(net::io_thread& io, net::caller_ptr who, std::vector<net::ingest_line> events,
              net::callback<net::ingest_outcome> done) override;
  [[nodiscard]] std::optional<std::string> not_ready() const override;
  [[nodiscard]] std::optional<std::string> trouble() const override;

  // net::upstream_factory
  [[nodiscard]] result<std::unique_ptr<net::upstream>>
  open(net::upstream_peer& peer, net::io_thread& io, net::caller_ptr who) override;

private:
  [[nodiscard]] engine* behind() const noexcept { return engine_.load(std::memory_order_acquire); }
  [[nodiscard]] failure away() const;

  std::atomic<engine*> engine_{nullptr};
  mutable std::mutex mutex_; ///< guards the members below
  std::string reason_ = "starting";
  bool is_away_ = false; ///< whether a database server did not answer
};

} // namespace telemetry
