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

int serve(const config::options& settings) {
  const auto stop_signals = block_stop_signals(); // before any thread starts, the log's included
  log::start(settings.log.level, settings.log.format);
  auto database = open_storage(storage_options::from(settings));
  if (!database)
    return refuse(database.error());
  auto network = net::server_options::from(settings);
  network.on_accept_failure = [](std::string_view reason) {
    log::warn("connections cannot be accepted; tried again", {{"reason", reason}});
  };
  const auto server = net::make_server(network);
  auto made = engine::make(engine_options::from(settings), *database, server->io_threads(), die);
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
  if (stored) { // otherwise a checkpoint may still be writing: the journal has it all
    running.release_storage();
    *database = {};
  }
  log::info("telemetryd has stopped", {{"connections_cut", cut}, {"checkpoint", stored}});
  log::flush();
  if (!tear_down_at_exit || !stored)
    _exit(EXIT_SUCCESS); // a million actors take seconds to tear down
  made.value().reset();
  return EXIT_SUCCESS;
}

int run(int argc, char** argv, char** envp) {
  const auto asked = config::parse(argc, argv, envp);
  for (const auto& problem : asked.problems)
    std::fprintf(stderr, "telemetryd: %s\n", problem.c_str());
  if (!asked.problems.empty())
    return exit_usage;
  if (asked.what == config::action::serve)
    return serve(asked.settings);
  std::fputs(config::reply(asked).c_str(), stdout);
  return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv, char** envp) {
  try {
    return run(argc, argv, envp);
  } catch (const std::exception& bug) {
    return refuse({errc::unavailable, bug.what()});
  }
}
