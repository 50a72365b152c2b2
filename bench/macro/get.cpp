#include "bench/macro/fleet.hpp"
#include "bench/macro/get_run.hpp"
#include "bench/macro/process_usage.hpp"
#include "bench/macro/report.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>

namespace {

using namespace telemetry::bench;
namespace po = boost::program_options;

struct settings {
  server_port port;
  pid_t pid = 0;
  std::string path;
  std::size_t connections = 0;
  std::uint64_t requests = 0;
  double seconds = 0;
  std::uint64_t warm_up = 0;
  std::uint64_t span_seconds = 0;
  std::uint64_t robots = 0;
  std::uint64_t seed = 0;
};

std::optional<settings> read_settings(int argc, char** argv) {
  settings out;
  po::options_description options(
      "telemetry_get: sends GET requests, on each keep-alive connection one after the other");
  // clang-format off
  options.add_options()
    ("help", "this text")
    ("port", po::value(&out.port.number)->required(), "the server's port on 127.0.0.1")
    ("tls", po::value(&out.port.has_tls)->implicit_value(true), "speak TLS; the certificate is not checked")
    ("key-file", po::value(&out.port.key_file), "show the key in this file")
    ("pid", po::value(&out.pid)->default_value(0), "process to measure; 0: none")
    ("path", po::value(&out.path)->required(), "what to get; {from} and {to} become random times within --span, {robot} the six digits of a random robot")
    ("connections", po::value(&out.connections)->default_value(1), "that ask at the same time")
    ("requests", po::value(&out.requests)->default_value(1000), "measured requests, on all connections together")
    ("seconds", po::value(&out.seconds)->default_value(0), "ask for so long, whatever --requests says")
    ("warm-up", po::value(&out.warm_up)->default_value(100), "requests before them")
    ("span", po::value(&out.span_seconds)->default_value(1000), "seconds of the fleet's time, from its first event on")
    ("robots", po::value(&out.robots)->default_value(1000), "that {robot} is one of")
    ("seed", po::value(&out.seed)->default_value(1), "of the times and robots");
  // clang-format on
  po::variables_map given;
  po::store(po::parse_command_line(argc, argv, options), given);
  if (given.count("help") > 0) {
    std::cout << options;
    return std::nullopt;
  }
  po::notify(given);
  if (out.connections == 0 || out.span_seconds == 0)
    throw std::invalid_argument("--connections and --span are at least 1");
  return out;
}

void replace(std::string& text, std::string_view what, const std::string& by) {
  if (const auto at = text.find(what); at != std::string::npos)
    text.replace(at, what.size(), by);
}

std::string six_digits(std::uint64_t number) {
  const auto digits = std::to_string(number);
  return std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}

std::string next_path(const settings& with, random_source& random) {
  const auto moment = [&] {
    return fleet::epoch_ms + static_cast<std::int64_t>(random.next() % (with.span_seconds * 1000));
  };
  const auto times = std::minmax({moment(), moment()});
  auto path = with.path;
  replace(path, "{from}", std::to_string(times.first));
  replace(path, "{to}", std::to_string(times.second));
  replace(path, "{robot}", six_digits(random.below(with.robots)));
  return path;
}

void get_and_report(const settings& with) {
  random_source random(with.seed);
  get_run run(with.port, with.connections, [&] { return next_path(with, random); });
  run.run(with.warm_up, 0);
  const auto usage = [&] { return with.pid != 0 ? usage_of(with.pid) : process_usage{}; };
  const auto before = usage();
  const auto totals = run.run(with.requests, with.seconds);
  const auto after = usage();
  const auto requests = static_cast<double>(totals.requests);
  report out;
  out.add("path", with.path);
  out.add("connections", static_cast<double>(with.connections));
  out.add("requests", requests);
  out.add("seconds", totals.seconds, 3);
  out.add("requests_per_s", requests / totals.seconds);
  out.add("body_bytes_per_request", static_cast<double>(totals.body_bytes) / requests, 1);
  out.add("mean_ms", totals.seconds * 1e3 / requests, 4);
  out.add("latency_p50_ms", totals.latency.quantile_ms(0.5), 4);
  out.add("latency_p99_ms", totals.latency.quantile_ms(0.99), 4);
  out.add("latency_max_ms", totals.latency.max_ms(), 4);
  if (with.pid != 0) {
    out.add("cpu_s", after.cpu_seconds - before.cpu_seconds, 2);
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
