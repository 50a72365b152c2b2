// Composition root: settings, storage, network, engine; then waits for a signal.

#include "actors/engine.hpp"
#include "config/log.hpp"
#include "config/options.hpp"
#include "net/server.hpp"
#include "storage/open_storage.hpp"

#include <csignal>
#include <cstdio>
#include <future>
#include <memory>
#include <unistd.h>

namespace {

using namespace telemetry;

constexpr int exit_usage = 2;
constexpr std::chrono::milliseconds drain_patience{5'000};
constexpr std::chrono::seconds finish_patience{4};

#if defined(__SANITIZE_ADDRESS__) || !defined(NDEBUG)
constexpr bool tear_down_at_exit = true; // so that a leak is seen
#else
constexpr bool tear_down_at_exit = false;
#endif

int refuse(const failure& why) {
  log::error("telemetryd cannot go on", {{"error", to_string(why.code)}, {"reason", why.text}});
  log::flush();
  return EXIT_FAILURE;
}

/// What the disk holds is unknown or damaged: the journal decides at the next start.
[[noreturn]] void die(const failure& why) {
  refuse(why);
  _exit(EXIT_FAILURE);
}

/// Blocks the signals that stop the server, for this thread and all that it starts.
sigset_t block_stop_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  return stop;
}

engine_options engine_settings(const config::options& from) {
  return {.reorder_window = from.reorder.window,
          .future_limit = from.ingest.future_limit,
          .stall_limit = from.ingest.stall_limit,
          .in_flight_max = from.ingest.max_in_flight,
          .in_flight_bytes_max = from.ingest.max_in_flight_bytes,
          .robots_idle = from.robots.idle,
          .robots_active_max = from.robots.active_max,
          .memory_bytes_max = from.storage.memory_max,
          .checkpoint_interval = from.checkpoint.interval,
          .checkpoint_events = from.checkpoint.events,
          .query_timeout = from.query.timeout,
          .readers = from.query.threads,
          .workers = from.scheduler.threads,
          .free_bytes_warn = from.storage.warn_free,
          .free_bytes_min = from.storage.min_free};
}

net::server_options server_settings(const config::options& from) {
  net::server_options out;
  out.host = from.net.host;
  out.port = from.net.port;
  out.io_threads = from.net.io_threads;
  out.connections_max = from.net.connections_max;
  out.message_bytes_max = from.ingest.max_message;
  out.body_bytes_max = from.ingest.max_body;
  out.idle_timeout = from.net.idle_timeout;
  out.version = config::version();
  return out;
}

int serve(const config::options& settings) {
  log::start(settings.log.level, settings.log.format);
  const auto stop_signals = block_stop_signals();
  auto database = open_storage({.data_dir = settings.storage.data_dir,
                                .shards = settings.storage.shards,
                                .min_free_bytes = settings.storage.min_free,
                                .cache_bytes = settings.storage.cache});
  if (!database)
    return refuse(database.error());
  const auto server = net::make_server(server_settings(settings));
  auto made = engine::make(engine_settings(settings), *database, server->io_threads(), die);
  if (!made)
    return refuse(made.error());
  auto& running = **made;
  if (const auto listening = server->listen(running.upstreams(), running); !listening)
    die(listening.error());
  const auto address = settings.net.host + ':' + std::to_string(server->port());
  log::info("telemetryd is starting", {{"version", config::version()},
                                       {"address", address},
                                       {"engine", database->description},
                                       {"data_dir", settings.storage.data_dir},
                                       {"shards", database->shards}});
  const auto start = std::chrono::steady_clock::now();
  running.recover([&](const result<recovery_stats>& replayed) {
    if (!replayed)
      die(replayed.error());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    log::info(
        "journal replayed",
        {{"events", replayed->events}, {"batches", replayed->batches}, {"seconds", took.count()}});
    log::info("telemetryd is serving", {{"address", address}});
  });

  int signal = 0;
  sigwait(&stop_signals, &signal);
  log::info("telemetryd is stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  const auto cut = server->drain(drain_patience);
  std::promise<bool> finished;
  running.finish([&](bool stored) { finished.set_value(stored); });
  auto outcome = finished.get_future();
  const bool stored =
      outcome.wait_for(finish_patience) == std::future_status::ready && outcome.get();
  server->stop();
  running.release_storage();
  *database = {};
  log::info("telemetryd has stopped", {{"connections_cut", cut}, {"checkpoint", stored}});
  log::flush();
  if (tear_down_at_exit)
    made.value().reset();
  else
    _exit(EXIT_SUCCESS); // a million actors take seconds to tear down
  return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv, char** envp) {
  const auto asked = config::parse(argc, argv, envp);
  for (const auto& problem : asked.problems)
    std::fprintf(stderr, "telemetryd: %s\n", problem.c_str());
  if (!asked.problems.empty())
    return exit_usage;
  switch (asked.what) {
  case config::action::serve:
    return serve(asked.settings);
  case config::action::help:
    std::fputs(config::help().c_str(), stdout);
    break;
  case config::action::version:
    std::printf("telemetryd %s\n", std::string{config::version()}.c_str());
    break;
  case config::action::check_config:
    std::puts("configuration is valid");
    break;
  case config::action::print_config:
    std::fputs(config::print(asked).c_str(), stdout);
    break;
  }
  return EXIT_SUCCESS;
}
