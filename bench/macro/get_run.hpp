#pragma once

#include "bench/macro/histogram.hpp"
#include "bench/macro/http_client.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace telemetry::bench {

/// The results of a run of requests.
struct get_totals {
  histogram latency;
  std::uint64_t requests = 0;
  std::uint64_t body_bytes = 0;
  double seconds = 0;
};

/// Sends requests on several keep-alive connections, from one thread. Each connection sends its
/// next request once it has the last answer.
class get_run {
public:
  /// Returns the path of the next request.
  using path_source = std::function<std::string()>;

  /// Connects. @throws std::system_error
  get_run(const server_port& port, std::size_t connections, path_source next_path);

  /// Sends `requests` requests, or sends for `seconds` if that is not 0, and waits for the last
  /// answer. Blocking. @throws std::runtime_error if a connection ends, on an answer that is not
  /// 200, or after 30 s without an answer.
  get_totals run(std::uint64_t requests, double seconds);

private:
  struct connection {
    http_client peer;
    std::int64_t sent_ns = 0;
  };

  void ask(connection& at);

  path_source next_path_;
  descriptor epoll_;
  std::vector<connection> connections_;
};

} // namespace telemetry::bench
