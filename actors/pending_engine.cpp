#include "actors/pending_engine.hpp"

#include "actors/refused_stream.hpp"

namespace telemetry {

void pending_engine::wait_for(std::string reason) {
  const std::scoped_lock lock(mutex_);
  reason_ = std::move(reason);
  is_away_ = true;
}

failure pending_engine::away() const {
  const std::scoped_lock lock(mutex_);
  return {errc::unreachable, reason_};
}

void pending_engine::robot(net::io_thread& io, permitted_name name,
                           net::callback<std::optional<robot_state>> done) {
  if (auto* engine = behind())
    return engine->robot(io, std::move(name), std::move(done));
  done(away());
}

void pending_engine::odometer(net::io_thread& io, permitted_name name, timestamp_ms from,
                              timestamp_ms to, net::callback<double> done) {
  if (auto* engine = behind())
    return engine->odometer(io, std::move(name), from, to, std::move(done));
  done(away());
}

std::unique_ptr<net::pull_stream<net::named_robot>> pending_engine::robots(net::io_thread& io,
                                                                           const net::caller& who,
                                                                           const std::string& after,
                                                                           std::size_t limit) {
  if (auto* engine = behind())
    return engine->robots(io, who, after, limit);
  return std::make_unique<refused_stream<net::named_robot>>(away());
}

std::unique_ptr<net::pull_stream<event_row>>
pending_engine::events(net::io_thread& io, permitted_name name, timestamp_ms from, timestamp_ms to,
                       std::size_t limit) {
  if (auto* engine = behind())
    return engine->events(io, std::move(name), from, to, limit);
  return std::make_unique<refused_stream<event_row>>(away());
}

void pending_engine::ingest(net::io_thread& io, net::caller_ptr who,
                            std::vector<net::ingest_line> events,
                            net::callback<net::ingest_outcome> done) {
  if (auto* engine = behind())
    return engine->ingest(io, std::move(who), std::move(events), std::move(done));
  done(away());
}

std::optional<std::string> pending_engine::not_ready() const {
  if (const auto* engine = behind())
    return engine->not_ready();
  return away().text;
}

std::optional<std::string> pending_engine::trouble() const {
  const auto* engine = behind();
  return engine != nullptr ? engine->trouble() : std::nullopt;
}

result<std::unique_ptr<net::upstream>>
pending_engine::open(net::upstream_peer& peer, net::io_thread& io, net::caller_ptr who) {
  if (auto* engine = behind())
    return engine->upstreams().open(peer, io, std::move(who));
  const std::scoped_lock lock(mutex_);
  return failure{errc::unavailable, std::string{is_away_ ? store_is_away : is_starting}};
}

} // namespace telemetry
