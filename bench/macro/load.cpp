#include "bench/macro/load_run.hpp"
#include "bench/macro/process_usage.hpp"
#include "bench/macro/report.hpp"
#include "bench/macro/verify.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <limits>
#include <optional>

namespace {

using namespace telemetry::bench;
namespace po = boost::program_options;

struct settings {
  load_options load{};
  fleet_options robots{};
  std::uint64_t events = 0;
  std::string order;
  std::string data_dir;
  double settle_seconds = 0;
  pid_t pid = 0;
  bool verify = false;
  bool verify_only = false;
};

/// @returns nothing if only the help was wanted.
std::optional<settings> read_settings(int argc, char** argv) {
  settings out;
  po::options_description options("telemetry_load: feeds a telemetry server and measures it");
  const auto flag = [](bool& to, bool by_default) {
    return po::value(&to)->default_value(by_default)->implicit_value(true);
  };
  // clang-format off
  options.add_options()
    ("help", "this text")
    ("port", po::value(&out.load.port)->required(), "the server's port on 127.0.0.1")
    ("pid", po::value(&out.pid)->default_value(0), "process to measure; 0: none")
    ("data-dir", po::value(&out.data_dir), "its data directory, to tell bytes per event")
    ("connections", po::value(&out.load.connections)->default_value(64), "WebSockets")
    ("window", po::value(&out.load.message.window)->default_value(16), "messages in flight per connection")
    ("lines", po::value(&out.load.message.lines)->default_value(1), "events per message")
    ("robots", po::value(&out.robots.robots)->default_value(1000), "robot names; name i is fed by connection i mod connections")
    ("order", po::value(&out.order)->default_value("shuffled"), "of a connection's robots: shuffled (anew for each pass) or round-robin")
    ("prefix", po::value(&out.robots.prefix)->default_value("robot-"), "of the names; six digits follow")
    ("events", po::value(&out.events)->default_value(1'000'000), "in all; rounded up to whole messages, the same number on every connection")
    ("seconds", po::value(&out.load.seconds)->default_value(0), "stop sending after so long, whatever --events says")
    ("rate", po::value(&out.load.rate)->default_value(0), "open loop: events per second in all; 0: closed loop")
    ("seed", po::value(&out.robots.seed)->default_value(1), "of walks and order")
    ("settle", po::value(&out.settle_seconds)->default_value(8), "wait at least so many seconds after the load, then until the server is at rest")
    ("verify", flag(out.verify, true), "compare every robot with the server's list afterwards")
    ("verify-only", flag(out.verify_only, false), "send nothing: compare with what a run with these options (no --seconds) has left");
  // clang-format on
  po::variables_map given;
  po::store(po::parse_command_line(argc, argv, options), given);
  if (given.count("help") > 0) {
    std::cout << options;
    return std::nullopt;
  }
  po::notify(given);
  if (out.order != "shuffled" && out.order != "round-robin")
    throw std::invalid_argument("--order is shuffled or round-robin");
  auto& message = out.load.message;
  if (message.window == 0 || message.lines == 0 || out.load.rate < 0)
    throw std::invalid_argument("--window and --lines are at least 1, --rate is at least 0");
  out.robots.order = out.order == "shuffled" ? robot_order::shuffled : robot_order::round_robin;
  out.robots.lanes = out.load.connections;
  const auto per_round = message.lines * out.load.connections;
  out.load.messages_per_connection = out.load.seconds > 0
                                         ? std::numeric_limits<std::uint32_t>::max()
                                         : (out.events + per_round - 1) / per_round;
  return out;
}

void describe(report& out, const settings& with) {
  out.add("connections", static_cast<double>(with.load.connections));
  out.add("window_messages", static_cast<double>(with.load.message.window));
  out.add("lines_per_message", static_cast<double>(with.load.message.lines));
  out.add("robots", static_cast<double>(with.robots.robots));
  out.add("order", with.order);
  out.add("rate_events_s", with.load.rate);
  out.add("seed", static_cast<double>(with.robots.seed));
}

void add_latency(report& out, const std::string& name, const histogram& values) {
  out.add(name + "_p50_ms", values.quantile_ms(0.5), 3);
  out.add(name + "_p90_ms", values.quantile_ms(0.9), 3);
  out.add(name + "_p99_ms", values.quantile_ms(0.99), 3);
  out.add(name + "_p999_ms", values.quantile_ms(0.999), 3);
  out.add(name + "_max_ms", values.max_ms(), 3);
}

void add_totals(report& out, const load_run& run) {
  const auto& totals = run.totals();
  const auto events = static_cast<double>(totals.answers.total());
  out.add("events", events);
  out.add("seconds", run.seconds(), 3);
  out.add("events_per_s", events / run.seconds());
  out.add("payload_bytes_per_event", static_cast<double>(totals.bytes_sent) / events, 1);
  out.add("ok", static_cast<double>(totals.answers.ok));
  out.add("stale", static_cast<double>(totals.answers.stale));
  out.add("conflict", static_cast<double>(totals.answers.conflict));
  out.add("err", static_cast<double>(totals.answers.err));
  if (!totals.answers.first_refusal.empty())
    out.add("first_refusal", totals.answers.first_refusal);
  add_latency(out, "latency", totals.latency);
  if (totals.lateness.total() > 0)
    add_latency(out, "send_lateness", totals.lateness);
}

/// Cpu while sending, cpu afterwards until the server rests, and what it keeps.
void add_usage(report& out, const settings& with, double events, const process_usage& before,
               const process_usage& loaded) {
  const auto least = std::chrono::milliseconds(static_cast<int>(with.settle_seconds * 1000));
  out.add("settled", wait_until_quiet(with.pid, least) ? "yes" : "no");
  const auto settled = usage_of(with.pid);
  const auto per_event = [events](double value) { return value / events; };
  out.add("cpu_load_us_per_event", per_event((loaded.cpu_seconds - before.cpu_seconds) * 1e6), 3);
  out.add("cpu_settle_us_per_event", per_event((settled.cpu_seconds - loaded.cpu_seconds) * 1e6),
          3);
  out.add("cpu_us_per_event", per_event((settled.cpu_seconds - before.cpu_seconds) * 1e6), 3);
  out.add("sleeps_per_event", per_event(static_cast<double>(loaded.sleeps - before.sleeps)), 3);
  out.add("rss_mb", static_cast<double>(settled.rss_bytes) / 1e6, 1);
  out.add("rss_peak_mb", static_cast<double>(settled.rss_peak_bytes) / 1e6, 1);
  out.add("written_bytes_per_event",
          per_event(static_cast<double>(settled.written_bytes - before.written_bytes)), 1);
  if (!with.data_dir.empty())
    out.add("disk_bytes_per_event", per_event(static_cast<double>(disk_bytes(with.data_dir))), 1);
}

bool add_verification(report& out, const settings& with, const fleet& robots) {
  const auto found = verify(with.load.port, robots);
  out.add("robots_right", static_cast<double>(found.robots_right));
  out.add("robots_wrong", static_cast<double>(found.robots_wrong));
  if (!found.first_difference.empty())
    out.add("first_difference", found.first_difference);
  out.add("list_ms", found.list_ms, 1);
  out.add("list_bytes", static_cast<double>(found.list_bytes));
  return found.robots_wrong == 0;
}

/// Makes the events of a whole run without sending them.
void make_events(const settings& with, fleet& robots) {
  std::string line;
  const auto per_lane = with.load.messages_per_connection * with.load.message.lines;
  for (std::size_t lane = 0; lane < with.load.connections; ++lane)
    for (std::uint64_t i = 0; i < per_lane; ++i) {
      line.clear();
      robots.append_event(lane, line);
    }
}

/// @returns whether every answer was OK and every robot as expected.
bool load_and_report(const settings& with) {
  fleet robots(with.robots);
  report out;
  describe(out, with);
  bool good = true;
  if (with.verify_only) {
    make_events(with, robots);
  } else {
    load_run run(with.load, robots);
    const auto before = with.pid != 0 ? usage_of(with.pid) : process_usage{};
    run.run();
    const auto loaded = with.pid != 0 ? usage_of(with.pid) : process_usage{};
    run.close();
    add_totals(out, run);
    const auto& answers = run.totals().answers;
    good = answers.ok == answers.total();
    if (with.pid != 0)
      add_usage(out, with, static_cast<double>(answers.total()), before, loaded);
  }
  if (with.verify || with.verify_only)
    good = add_verification(out, with, robots) && good;
  out.print();
  return good;
}

} // namespace

int main(int argc, char** argv) {
  try {
    const auto with = read_settings(argc, argv);
    return !with || load_and_report(*with) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "telemetry_load: %s\n", error.what());
    return 2;
  }
}
