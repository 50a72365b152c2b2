#include "bench/macro/fleet.hpp"
#include "bench/macro/histogram.hpp"
#include "bench/macro/http_client.hpp"
#include "bench/macro/process_usage.hpp"
#include "bench/macro/producer.hpp"
#include "bench/macro/report.hpp"

#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>

namespace {

using namespace telemetry::bench;
namespace po = boost::program_options;

struct settings {
  std::uint16_t port = 0;
  pid_t pid = 0;
  std::string path;
  std::size_t requests = 0;
  std::size_t warm_up = 0;
  std::uint64_t span_seconds = 0;
  std::uint64_t seed = 0;
};

std::optional<settings> read_settings(int argc, char** argv) {
  settings out;
  po::options_description options(
      "telemetry_get: sends GET requests one after the other on one keep-alive connection");
  // clang-format off
  options.add_options()
    ("help", "this text")
    ("port", po::value(&out.port)->required(), "the server's port on 127.0.0.1")
    ("pid", po::value(&out.pid)->default_value(0), "process to measure; 0: none")
    ("path", po::value(&out.path)->required(), "what to get; {from} and {to} become random times within --span")
    ("requests", po::value(&out.requests)->default_value(1000), "measured requests")
    ("warm-up", po::value(&out.warm_up)->default_value(100), "requests before them")
    ("span", po::value(&out.span_seconds)->default_value(1000), "seconds of the fleet's time, from its first event on")
    ("seed", po::value(&out.seed)->default_value(1), "of the times");
  // clang-format on
  po::variables_map given;
  po::store(po::parse_command_line(argc, argv, options), given);
  if (given.count("help") > 0) {
    std::cout << options;
    return std::nullopt;
  }
  po::notify(given);
  return out;
}

void replace(std::string& text, std::string_view what, std::uint64_t by) {
  if (const auto at = text.find(what); at != std::string::npos)
    text.replace(at, what.size(), std::to_string(by));
}

std::string next_path(const settings& with, random_source& random) {
  const auto moment = [&] {
    return fleet::epoch_ms + static_cast<std::int64_t>(random.next() % (with.span_seconds * 1000));
  };
  const auto times = std::minmax({moment(), moment()});
  auto path = with.path;
  replace(path, "{from}", static_cast<std::uint64_t>(times.first));
  replace(path, "{to}", static_cast<std::uint64_t>(times.second));
  return path;
}

void get_and_report(const settings& with) {
  http_client client(with.port);
  random_source random(with.seed);
  for (std::size_t i = 0; i < with.warm_up; ++i)
    client.get(next_path(with, random));
  const auto usage = [&] { return with.pid != 0 ? usage_of(with.pid) : process_usage{}; };
  const auto before = usage();
  const auto start = now_ns();
  histogram latency;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < with.requests; ++i) {
    const auto path = next_path(with, random);
    const auto sent = now_ns();
    bytes += client.get(path).size();
    latency.record(now_ns() - sent);
  }
  const auto requests = static_cast<double>(with.requests);
  const auto seconds = static_cast<double>(now_ns() - start) / 1e9;
  const auto after = usage();
  report out;
  out.add("path", with.path);
  out.add("requests", requests);
  out.add("body_bytes_per_request", static_cast<double>(bytes) / requests, 1);
  out.add("mean_ms", seconds * 1e3 / requests, 4);
  out.add("latency_p50_ms", latency.quantile_ms(0.5), 4);
  out.add("latency_p99_ms", latency.quantile_ms(0.99), 4);
  out.add("latency_max_ms", latency.max_ms(), 4);
  if (with.pid != 0) {
    out.add("cpu_us_per_request", (after.cpu_seconds - before.cpu_seconds) * 1e6 / requests, 1);
    out.add("sleeps_per_request", static_cast<double>(after.sleeps - before.sleeps) / requests, 2);
    out.add("rss_mb", static_cast<double>(after.rss_bytes) / 1e6, 1);
    out.add("rss_peak_mb", static_cast<double>(after.rss_peak_bytes) / 1e6, 1);
  }
  out.print();
}

} // namespace

int main(int argc, char** argv) {
  try {
    if (const auto with = read_settings(argc, argv))
      get_and_report(*with);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "telemetry_get: %s\n", error.what());
    return 2;
  }
}
