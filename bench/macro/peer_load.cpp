#include "bench/macro/peer_run.hpp"
#include "bench/macro/report.hpp"

#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <limits>
#include <numeric>
#include <optional>
#include <sys/resource.h>

namespace {

using namespace telemetry::bench;
namespace po = boost::program_options;

struct settings {
  std::string peer;
  peer_options load{};
  fleet_options robots{};
  std::uint64_t events = 0;
  std::string acknowledged_path;
};

po::options_description describe(settings& out) {
  po::options_description options("telemetry_peer_load: feeds another server with the events of "
                                  "telemetry_load");
  // clang-format off
  options.add_options()
    ("help", "this text")
    ("peer", po::value(&out.peer)->required(), "influxdb, victoria-metrics, redis, mariadb, mosquitto or telemetryd")
    ("port", po::value(&out.load.port)->required(), "its port on 127.0.0.1")
    ("connections", po::value(&out.load.connections)->default_value(64), "to it")
    ("lanes", po::value(&out.load.lanes)->default_value(64), "independent parts of the fleet; a connection sends those whose number is its own modulo connections")
    ("window", po::value(&out.load.window)->default_value(1), "requests in flight per connection")
    ("lines", po::value(&out.load.events_per_request)->default_value(1), "events per request")
    ("events", po::value(&out.events)->default_value(1'000'000), "in all; rounded up to whole requests, the same number on every connection")
    ("robots", po::value(&out.robots.robots)->default_value(1000), "robot names")
    ("seed", po::value(&out.robots.seed)->default_value(1), "of walks and order")
    ("until-killed", po::bool_switch(&out.load.until_killed), "send until the peer goes away, whatever --events says")
    ("acknowledged", po::value(&out.acknowledged_path), "file for one line per robot: name, events acknowledged, timestamp of the last of them");
  // clang-format on
  return options;
}

/// @returns nothing if only the help was wanted.
std::optional<settings> read_settings(int argc, char** argv) {
  settings out;
  const auto options = describe(out);
  po::variables_map given;
  po::store(po::parse_command_line(argc, argv, options), given);
  if (given.count("help") > 0) {
    std::cout << options;
    return std::nullopt;
  }
  po::notify(given);
  auto& load = out.load;
  if (load.window == 0 || load.events_per_request == 0 || load.connections == 0 ||
      load.connections > load.lanes)
    throw std::invalid_argument("--window, --lines and --connections are at least 1, and there are "
                                "at least as many --lanes as connections");
  if ((out.peer == "mariadb" && load.window != 1) ||
      (out.peer == "mosquitto" && load.events_per_request != 1))
    throw std::invalid_argument("mariadb has a --window of 1, mosquitto one of the --lines");
  out.robots.lanes = load.lanes;
  out.robots.order = robot_order::shuffled;
  out.robots.prefix = "robot-";
  const auto per_round = load.events_per_request * load.connections;
  load.requests_per_connection = load.until_killed ? std::numeric_limits<std::uint64_t>::max()
                                                   : (out.events + per_round - 1) / per_round;
  return out;
}

protocol_maker protocol_of(const settings& with) {
  const auto port = with.load.port;
  if (with.peer == "influxdb" || with.peer == "victoria-metrics")
    return [port](std::size_t) { return make_line_protocol(port); };
  if (with.peer == "redis")
    return [](std::size_t) { return make_redis_protocol(); };
  if (with.peer == "mosquitto")
    return [](std::size_t connection) { return make_mqtt_protocol(connection); };
  if (with.peer == "telemetryd")
    return [port](std::size_t connection) { return make_upstream_protocol(port, connection); };
  throw std::invalid_argument("there is no peer " + with.peer);
}

/// The fleet as it is after the acknowledged events and no others.
fleet replay(const settings& with, const peer_tally& tally) {
  fleet robots(with.robots);
  for (std::size_t number = 0; number < with.load.connections; ++number) {
    connection_feed feed(robots, with.load, number);
    for (std::uint64_t i = 0; i < tally.acknowledged[number]; ++i)
      feed.next();
  }
  return robots;
}

void write_acknowledged(const settings& with, const peer_tally& tally) {
  std::ofstream out(with.acknowledged_path);
  const auto acknowledged = replay(with, tally);
  std::size_t number = 0;
  for (const auto& robot : acknowledged.robots()) {
    char name[32];
    std::snprintf(name, sizeof name, "robot-%06zu", number++);
    if (robot.events > 0)
      out << name << ' ' << robot.events << ' ' << robot.timestamp << '\n';
  }
  if (!out.flush())
    throw std::runtime_error("cannot write " + with.acknowledged_path);
}

double own_cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void print(const settings& with, const peer_tally& tally, double cpu_seconds) {
  const auto requests =
      std::accumulate(tally.acknowledged.begin(), tally.acknowledged.end(), std::uint64_t{0});
  const auto events = static_cast<double>(requests * with.load.events_per_request);
  report out;
  out.add("peer", with.peer);
  out.add("events", events);
  out.add("seconds", tally.seconds, 3);
  out.add("events_per_s", events / tally.seconds);
  out.add("latency_p50_ms", tally.latency.quantile_ms(0.5), 3);
  out.add("latency_p99_ms", tally.latency.quantile_ms(0.99), 3);
  if (events > 0)
    out.add("client_cpu_us_per_event", cpu_seconds * 1e6 / events, 3);
  out.print();
}

void load_and_report(const settings& with) {
  fleet robots(with.robots);
  const auto before = own_cpu_seconds();
  const auto tally = with.peer == "mariadb" ? run_mysql(with.load, robots)
                                            : run_sockets(with.load, robots, protocol_of(with));
  const auto used = own_cpu_seconds() - before;
  if (!with.acknowledged_path.empty())
    write_acknowledged(with, tally);
  print(with, tally, used);
}

} // namespace

int main(int argc, char** argv) {
  try {
    if (const auto with = read_settings(argc, argv))
      load_and_report(*with);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "telemetry_peer_load: %s\n", error.what());
    return 2;
  }
}
