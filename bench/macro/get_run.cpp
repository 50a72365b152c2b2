#include "bench/macro/get_run.hpp"

#include "bench/macro/producer.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <sys/epoll.h>

namespace telemetry::bench {

namespace {

constexpr int patience_ms = 30'000;

} // namespace

get_run::get_run(const server_port& port, std::size_t connections, path_source next_path)
    : next_path_(std::move(next_path)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  for (std::size_t i = 0; i < connections; ++i) {
    connections_.push_back({http_client(port)});
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u64 = i;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connections_.back().peer.fd(), &wanted) != 0)
      throw_errno("epoll_ctl");
  }
}

void get_run::ask(connection& at) {
  const auto path = next_path_();
  at.sent_ns = now_ns();
  at.peer.ask(path);
}

get_totals get_run::run(std::uint64_t requests, double seconds) {
  get_totals totals;
  const auto start = now_ns();
  std::uint64_t asked = 0;
  const auto may_ask = [&](std::int64_t now) {
    return seconds > 0 ? static_cast<double>(now - start) < seconds * 1e9 : asked < requests;
  };
  for (auto at = connections_.begin(); at != connections_.end() && may_ask(start); ++at, ++asked)
    ask(*at);
  while (totals.requests < asked) {
    std::array<epoll_event, 256> ready;
    const auto count = ::epoll_wait(epoll_.get(), ready.data(), ready.size(), patience_ms);
    if (count <= 0)
      throw std::runtime_error("no answer for 30 s");
    for (auto event = ready.begin(); event != ready.begin() + count; ++event) {
      auto& at = connections_[event->data.u64];
      if (!at.peer.receive())
        continue;
      const auto now = now_ns();
      totals.latency.record(now - at.sent_ns);
      totals.body_bytes += at.peer.body().size();
      ++totals.requests;
      if (may_ask(now)) {
        ask(at);
        ++asked;
      }
    }
  }
  totals.seconds = static_cast<double>(now_ns() - start) / 1e9;
  return totals;
}

} // namespace telemetry::bench
