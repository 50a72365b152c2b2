// Composition root: makes settings, storage, network and engine, then waits for a signal.

#include "access/keys_command.hpp"
#include "actors/pending_engine.hpp"
#include "config/log.hpp"
#include "config/options.hpp"
#include "net/descriptor_limit.hpp"
#include "net/server.hpp"
#include "storage/open_in_background.hpp"
#include "tls_setup.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <unistd.h>

/// jemalloc reads this before main(). A background thread of jemalloc returns freed pages to the
/// kernel, because the pages that a checkpoint frees take milliseconds to return, and otherwise a
/// thread that answers producers would have to do it (ADR 0049).
extern "C" const char* malloc_conf;
const char* malloc_conf = "background_thread:true,oversize_threshold:0";

namespace {

using namespace telemetry;

constexpr int exit_usage = 2;
constexpr std::chrono::milliseconds drain_patience{5'000};
constexpr std::chrono::seconds finish_patience{4};

#if defined(__SANITIZE_ADDRESS__) || !defined(NDEBUG)
constexpr bool tear_down_at_exit = true; // so that leaks are detected
#else
constexpr bool tear_down_at_exit = false;
#endif

int refuse(const failure& why) {
  log::error("telemetryd cannot go on", {{"error", to_string(why.code)}, {"reason", why.text}});
  log::flush();
  return EXIT_FAILURE;
}

/// Logs `why` and ends the process at once, without a checkpoint. The next start reads the journal.
[[noreturn]] void end_process(const failure& why) {
  refuse(why);
  _exit(EXIT_FAILURE);
}

/// Blocks SIGINT and SIGTERM, which stop the server, and SIGHUP, which has it read files again, in
/// this thread and in all threads that it starts.
class stop_signals {
public:
  stop_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    sigemptyset(&stop_);
    sigaddset(&stop_, SIGINT);
    sigaddset(&stop_, SIGTERM);
    sigaddset(&stop_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &stop_, nullptr);
  }
  /// Blocks until SIGINT or SIGTERM comes, and logs it. Lets `access` read its files at a SIGHUP.
  void wait(access_control& access) const {
    int signal = 0;
    while (sigwait(&stop_, &signal) != 0 || signal == SIGHUP) {
      log::info("SIGHUP: keys and certificates are read again; other settings need a restart");
      access.look_now();
    }
    log::info("telemetryd is stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  }
  [[nodiscard]] bool is_pending() const {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
  }

private:
  sigset_t stop_;
};

/// Opens the storage. Blocks until it is open, has failed, or a signal to stop comes.
/// @returns nullopt if the signal came first.
std::optional<result<storage>> open(const storage_options& how, const stop_signals& stop,
                                    const std::shared_ptr<pending_engine>& pending) {
  open_in_background opening(how, [pending](const failure& why) {
    log::warn("storage cannot be reached; trying again", {{"reason", why.text}});
    pending->wait_for(why.text);
  });
  while (!stop.is_pending())
    if (auto outcome = opening.wait(std::chrono::milliseconds{50}))
      return outcome;
  return std::nullopt;
}

/// Raises the limit of open files as far as possible. Logs a warning if that is not enough for
/// `connections_max`, beside `unproven_max` that have shown no right. @returns the number of
/// connections that can be served at once.
std::uint64_t make_room(std::uint64_t connections_max, std::uint64_t unproven_max) {
  const auto files_max = net::raise_descriptor_limit();
  const auto room = net::connections_within(files_max);
  const auto served = std::min(connections_max, room - std::min(room / 2, unproven_max));
  if (served < connections_max)
    log::warn("net.connections_max does not fit the limit of open files",
              {{"connections_max", connections_max},
               {"files_max", files_max},
               {"connections_served", served}});
  return served;
}

std::unique_ptr<net::server> listen(const config::options& settings, const tls_ptr& tls,
                                    pending_engine& pending, access_control& access) {
  auto network = net::server_options::from(settings);
  const auto known = access.known();
  network.connections_max = make_room(settings.net.connections_max,
                                      known->asks_for_keys() ? settings.net.unproven_max : 0);
  access.configure(network);
  network.on_accept_failure = [](std::string_view reason) {
    log::warn("connections cannot be accepted; trying again", {{"reason", reason}});
  };
  network.on_memory_full = [memory_max = settings.net.memory_max](std::size_t cut,
                                                                  std::size_t refused) {
    log::warn("net.memory_max is reached: new connections are refused, the largest idle ones cut",
              {{"cut", cut}, {"refused", refused}, {"memory_max", memory_max}});
  };
  network.on_protocol_refused = [] {
    log::debug("a WebSocket was opened without the sub-protocols that its client offered");
  };
  configure_tls(network, tls);
  auto server = net::make_server(network);
  if (const auto listening = server->listen(pending, pending, known); !listening)
    end_process(listening.error());
  follow_tls(access, tls);
  access.follow(*server);
  return server;
}

/// Logs each way into the server. @returns the first of them.
std::string log_entrances(const net::server& server) {
  std::string first;
  for (const auto at : {net::entrance::plain, net::entrance::door}) {
    const auto address = server.address(at);
    if (address.empty())
      continue;
    log::info("telemetryd is listening", {{"address", address}});
    if (first.empty())
      first = address;
  }
  return first;
}

/// The outcome of the last checkpoint.
struct last_checkpoint {
  bool is_stored = false;
  bool is_journal_drained = false; ///< the store has all events that were in the journal
};

/// Commits, checkpoints and closes the storage. Blocks for at most `finish_patience`. If is_stored
/// is false afterwards, a thread may still run, and the process must exit. No event is lost then,
/// because the journal has all of them.
last_checkpoint finish(engine& running, net::server& server, storage& database) {
  std::packaged_task<last_checkpoint()> task([&running, &server, &database]() -> last_checkpoint {
    std::promise<bool> finished;
    running.finish([&finished](bool stored) { finished.set_value(stored); });
    if (!finished.get_future().get())
      return {};
    server.stop();
    running.release_storage();
    const auto drained = database.note_drained(database);
    database = {};
    return {true, drained && *drained};
  });
  auto done = task.get_future();
  std::thread(std::move(task)).detach();
  if (done.wait_for(finish_patience) != std::future_status::ready)
    return {};
  return done.get();
}

int serve(const config::options& settings, access_plan plan, const tls_ptr& tls) {
  const stop_signals stop; // before any thread starts, including the log's thread
  log::start(settings.log.level, settings.log.format);
  const auto how = storage_options::from(settings);
  if (!how)
    return refuse(how.error());
  const auto pending = std::make_shared<pending_engine>();
  access_control access(settings, std::move(plan), std::make_shared<net::warnings>());
  const auto server = listen(settings, tls, *pending, access);
  const auto address = log_entrances(*server);
  log_tls_address(*server, tls);
  auto opened = open(*how, stop, pending);
  if (!opened) {
    stop.wait(access);
    server->stop(); // removes the file of net.unix_socket
    log::flush();
    _exit(EXIT_SUCCESS); // because a thread may still wait for a database server
  }
  if (!*opened)
    end_process(opened->error());
  auto& database = opened->value();
  if (!database.warning.empty())
    log::error("storage has changed since the last run; events may be lost",
               {{"reason", database.warning}});
  const auto options = engine_options::from(settings);
  auto made = engine::make(options, database, server->io_threads(), end_process);
  if (!made)
    end_process(made.error());
  auto& running = **made;
  pending->open(running);
  log::info("telemetryd is starting", {{"version", config::version()},
                                       {"address", address},
                                       {"engine", database.description},
                                       {"data_dir", settings.storage.data_dir},
                                       {"shards", database.shards},
                                       {"robots_active_max", options.robots_kept_max()}});
  const auto start = std::chrono::steady_clock::now();
  running.recover([&](const result<recovery_stats>& replayed) {
    if (!replayed)
      end_process(replayed.error());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    log::info(
        "journal replayed",
        {{"events", replayed->events}, {"batches", replayed->batches}, {"seconds", took.count()}});
    log::info("telemetryd is serving", {{"address", address}});
  });

  stop.wait(access);
  const auto cut = server->drain(drain_patience);
  access.stop();
  const auto last = finish(running, *server, database);
  log::info("telemetryd has stopped", {{"connections_cut", cut},
                                       {"checkpoint", last.is_stored},
                                       {"journal_drained", last.is_journal_drained}});
  log::flush();
  if (!tear_down_at_exit || !last.is_stored)
    _exit(EXIT_SUCCESS); // because destroying a million actors would take seconds
  made.value().reset();
  return EXIT_SUCCESS;
}

int migrate(const config::options& settings, bool dry_run) {
  const auto how = storage_options::from(settings);
  const auto done = how ? migrate_storage(*how, dry_run) : result<std::string>{how.error()};
  if (!done)
    return refuse(done.error());
  std::fputs(done->c_str(), stdout);
  return EXIT_SUCCESS;
}

int edit_keys(const config::parsed& asked) {
  return access::run_keys_command(asked.keys_arguments, asked.settings.auth.keys_file,
                                  net::wall_now(), std::cout, std::cerr);
}

/// Serves, or only checks whether the settings permit it.
int serve_or_check(const config::parsed& asked) {
  auto plan = plan_access(asked.settings);
  const auto tls = plan ? load_tls(asked.settings) : plan.error();
  if (!tls) {
    std::fprintf(stderr, "telemetryd: %s\n", tls.error().text.c_str());
    return exit_usage;
  }
  if (asked.what == config::action::serve)
    return serve(asked.settings, std::move(*plan), *tls);
  std::fputs(config::reply(asked).c_str(), stdout);
  return EXIT_SUCCESS;
}

int run(int argc, char** argv, char** envp) {
  const auto asked = config::parse(argc, argv, envp);
  for (const auto& problem : asked.problems)
    std::fprintf(stderr, "telemetryd: %s\n", problem.c_str());
  if (!asked.problems.empty())
    return exit_usage;
  if (asked.what == config::action::serve || asked.what == config::action::check_config)
    return serve_or_check(asked);
  if (asked.what == config::action::keys)
    return edit_keys(asked);
  if (asked.what == config::action::migrate || asked.what == config::action::migrate_dry_run)
    return migrate(asked.settings, asked.what == config::action::migrate_dry_run);
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
