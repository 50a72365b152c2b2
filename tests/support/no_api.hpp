#pragma once

#include "net/rest/api.hpp"

namespace telemetry::test {

/// An api for tests that do not use it. It fails every request.
struct no_api final : net::api {
  void robot(net::io_thread&, permitted_name,
             net::callback<std::optional<robot_state>> done) override {
    done(failure{errc::unavailable, "no engine"});
  }
  void odometer(net::io_thread&, permitted_name, timestamp_ms, timestamp_ms,
                net::callback<double> done) override {
    done(failure{errc::unavailable, "no engine"});
  }
  std::unique_ptr<net::pull_stream<net::named_robot>>
  robots(net::io_thread&, const net::caller&, const std::string&, std::size_t) override {
    return nullptr;
  }
  std::unique_ptr<net::pull_stream<event_row>> events(net::io_thread&, permitted_name, timestamp_ms,
                                                      timestamp_ms, std::size_t) override {
    return nullptr;
  }
  void ingest(net::io_thread&, net::caller_ptr, std::vector<net::ingest_line>,
              net::callback<net::ingest_outcome> done) override {
    done(failure{errc::unavailable, "no engine"});
  }
  [[nodiscard]] std::optional<std::string> not_ready() const override { return std::nullopt; }
};

} // namespace telemetry::test
