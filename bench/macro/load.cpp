#include "bench/macro/load_run.hpp"
#include "bench/macro/load_settings.hpp"
#include "bench/macro/process_usage.hpp"
#include "bench/macro/report.hpp"
#include "bench/macro/socket.hpp"
#include "bench/macro/verify.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <thread>

namespace {

using namespace telemetry::bench;
using namespace std::chrono_literals;
void describe(report& out, const load_settings& with) {
  out.add("connections", static_cast<double>(with.load.connections));
  out.add("window_messages", static_cast<double>(with.load.message.window));
  out.add("lines_per_message", static_cast<double>(with.load.message.lines));
  out.add("robots", static_cast<double>(with.robots.robots));
  out.add("order", with.order);
  out.add("rate_events_s", with.load.rate);
  out.add("seed", static_cast<double>(with.robots.seed));
  if (!with.replay_file.empty())
    out.add("replay", with.replay_file);
  if (with.skipped_per_connection > 0)
    out.add("skipped_events",
            static_cast<double>(with.skipped_per_connection * with.load.connections));
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

volatile std::sig_atomic_t was_interrupted = 0;

std::chrono::milliseconds settle_time(const load_settings& with) {
  return std::chrono::milliseconds(static_cast<int>(with.settle_seconds * 1000));
}

/// Cpu while sending, cpu afterwards until the server rests, and what it keeps.
void add_usage(report& out, const load_settings& with, double events, const process_usage& before,
               const process_usage& loaded) {
  const auto sleep = [](auto time) { std::this_thread::sleep_for(time); };
  const auto least = with.hold_seconds > 0 ? 0ms : settle_time(with); // it has come to rest
  out.add("settled", wait_until_quiet(with.pid, least, sleep) ? "yes" : "no");
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

bool add_verification(report& out, const load_settings& with, const fleet& robots) {
  const auto found = verify(with.load.port, robots);
  out.add("robots_right", static_cast<double>(found.robots_right));
  out.add("robots_wrong", static_cast<double>(found.robots_wrong));
  if (!found.first_difference.empty())
    out.add("first_difference", found.first_difference);
  out.add("list_ms", found.list_ms, 1);
  out.add("list_bytes", static_cast<double>(found.list_bytes));
  return found.robots_wrong == 0;
}

/// Makes events without sending them.
void make_events(const load_settings& with, fleet& robots, std::uint64_t per_connection) {
  std::string line;
  for (std::size_t lane = 0; lane < with.load.connections; ++lane)
    for (std::uint64_t i = 0; i < per_connection; ++i) {
      line.clear();
      robots.append_event(lane, line);
    }
}

/// What the server needs while all producers are connected and silent.
void add_hold(report& out, const load_settings& with, load_run& run) {
  wait_until_quiet(with.pid, settle_time(with), [&run](auto time) { run.hold(time); });
  const auto before = usage_of(with.pid);
  run.hold(std::chrono::milliseconds(static_cast<int>(with.hold_seconds * 1000)));
  const auto after = usage_of(with.pid);
  out.add("hold_rss_mb", static_cast<double>(after.rss_bytes) / 1e6, 2);
  out.add("hold_cpu_percent", (after.cpu_seconds - before.cpu_seconds) * 100 / with.hold_seconds,
          2);
  out.add("hold_sleeps_per_s",
          static_cast<double>(after.sleeps - before.sleeps) / with.hold_seconds, 1);
}

/// @returns whether every answer was OK.
bool load_and_measure(report& out, const load_settings& with, fleet& robots) {
  auto options = with.load;
  options.stop = &was_interrupted;
  load_run run(options, robots);
  std::signal(SIGINT, [](int) { was_interrupted = 1; });
  const auto usage = [&with] { return with.pid != 0 ? usage_of(with.pid) : process_usage{}; };
  const auto before = usage();
  run.run();
  const auto loaded = usage();
  if (with.hold_seconds > 0)
    add_hold(out, with, run);
  run.close();
  add_totals(out, run);
  const auto& answers = run.totals().answers;
  if (with.pid != 0)
    add_usage(out, with, static_cast<double>(answers.total()), before, loaded);
  return answers.ok == answers.total();
}

/// @returns whether every answer was OK and every robot as expected.
bool load_and_report(const load_settings& with) {
  fleet robots(with.robots);
  make_events(with, robots, with.skipped_per_connection);
  report out;
  describe(out, with);
  bool good = true;
  if (with.verify_only)
    make_events(with, robots, with.load.messages_per_connection * with.load.message.lines);
  else
    good = load_and_measure(out, with, robots);
  robots.finish();
  if (with.verify || with.verify_only)
    good = add_verification(out, with, robots) && good;
  out.print();
  return good;
}

} // namespace

int main(int argc, char** argv) {
  try {
    raise_file_limit();
    const auto with = read_load_settings(argc, argv);
    return !with || load_and_report(*with) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "telemetry_load: %s\n", error.what());
    return 2;
  }
}
