#include "actors/engine.hpp"

#include "actors/cache_writer.hpp"
#include "actors/checkpointer.hpp"
#include "actors/ingest.hpp"
#include "actors/journal_writer.hpp"
#include "actors/lane.hpp"
#include "actors/reader.hpp"
#include "actors/recovery.hpp"
#include "actors/refused_stream.hpp"
#include "actors/shard_host.hpp"
#include "actors/watchdog.hpp"
#include "config/log.hpp"

#include <algorithm>
#include <thread>

namespace telemetry {

namespace {

/// Requests between local actors have no deadline, because a journal may have any length and the
/// whole process may stand still for a minute. main() bounds a stop.
constexpr auto no_deadline = caf::infinite;

/// Configures CAF. Uses the policy `sharing`, because `stealing` collapses with many runnable
/// actors.
void configure(caf::actor_system_config& config, const engine_options& options) {
  const auto workers = options.workers > 0
                           ? options.workers
                           : std::max<std::size_t>(1, std::thread::hardware_concurrency());
  config.set("scheduler.policy", caf::atom(options.detach ? "sharing" : "testing"));
  config.set("scheduler.max-threads", workers);
}

template <class Handle>
void stop(const Handle& actor) {
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

} // namespace

result<std::unique_ptr<engine>> engine::make(const engine_options& options, storage& database,
                                             std::span<net::io_thread* const> io_threads,
                                             std::function<void(const failure&)> fatal,
                                             const time_source& time) {
  auto markers = database.store->markers();
  if (!markers)
    return markers.error();
  std::unique_ptr<engine> made{new engine(options, database, time)};
  made->context_.fatal = std::move(fatal);
  made->markers_ = std::move(*markers);
  made->spawn_actors(io_threads);
  return made;
}

engine::engine(const engine_options& options, storage& database, const time_source& time)
    : database_(database), context_(options, time, database.shards), connections_(context_) {
  configure(config_, options);
  system_ = std::make_unique<caf::actor_system>(config_);
  context_.health.journal_away(recovering_reason);
}

engine::~engine() {
  release_storage();
  for (const auto& one : context_.places.all())
    stop(one);
  context_.deadlines.stop();
  // A submission holds its connections. All of them must be freed before the actor system.
  context_.places.clear();
  context_.readers.clear();
  context_.checkpointer = nullptr;
  context_.writer = nullptr;
  context_.recovery = nullptr;
  lanes_.clear();
  system_.reset(); // waits for the actors to end
}

void engine::release_storage() {
  if (!watchdog_)
    return;
  context_.health.watch_store({});
  std::vector<caf::actor> users{
      caf::actor_cast<caf::actor>(watchdog_), caf::actor_cast<caf::actor>(context_.checkpointer),
      caf::actor_cast<caf::actor>(context_.writer), caf::actor_cast<caf::actor>(context_.recovery),
      caf::actor_cast<caf::actor>(shard_host_)};
  if (cache_writer_)
    users.push_back(caf::actor_cast<caf::actor>(cache_writer_));
  for (const auto& one : context_.readers)
    users.push_back(caf::actor_cast<caf::actor>(one));
  for (const auto& one : users)
    stop(one);
  if (context_.options.detach)
    caf::scoped_actor { *system_ } -> wait_for(users);
  watchdog_ = nullptr;
  cache_writer_ = nullptr;
  shard_host_ = nullptr;
}

void engine::spawn_actors(std::span<net::io_thread* const> io_threads) {
  const auto blocking = [this]<class Actor>(std::type_identity<Actor>, auto&&... arguments) {
    auto& system = *system_;
    return context_.options.detach
               ? system.spawn<Actor, caf::detached>(std::ref(context_), arguments...)
               : system.spawn<Actor>(std::ref(context_), arguments...);
  };
  auto& store = *database_.store;
  context_.cached = &store;
  context_.recovery = blocking(std::type_identity<recovery>{}, std::ref(*database_.journal));
  context_.writer = blocking(std::type_identity<journal_writer>{}, std::ref(*database_.journal));
  context_.checkpointer = blocking(std::type_identity<checkpointer>{}, std::ref(store));
  for (std::size_t i = 0; i < std::max<std::size_t>(1, context_.options.readers); ++i)
    context_.readers.push_back(blocking(std::type_identity<reader>{}, std::ref(store)));
  shard_host_ = system_->spawn<shard_host>(std::ref(context_));
  for (auto* io : io_threads) {
    lanes_.push_back(std::make_unique<lane>(context_, *io));
    context_.lanes.push_back(lanes_.back().get());
  }
  context_.credit.on_open([this] {
    for (const auto& one : context_.lanes)
      one->io().post([where = one] { where->on_credit_open(); });
  });
  context_.credit.on_room([this] { caf::anon_send(context_.writer, room_atom_v); });
  context_.deadlines.start(*system_);
  context_.health.watch_store([&store] { return store.silence(); });
  if (database_.cache)
    cache_writer_ =
        blocking(std::type_identity<cache_writer>{}, std::ref(*database_.cache), std::ref(store));
  watchdog_ = blocking(std::type_identity<watchdog>{}, database_.free_bytes);
}

void engine::recover(std::function<void(const result<recovery_stats>&)> done) {
  system_->spawn<caf::hidden>([this, done = std::move(done)](caf::event_based_actor* self) {
    self->request(shard_host_, no_deadline, host_atom_v, markers_)
        .then(
            [this, done](const result<recovery_stats>& stats) {
              if (stats) {
                is_recovered_ = true;
                context_.health.journal_away("");
              }
              done(stats);
            },
            [done](const caf::error&) {
              done(failure{errc::shutting_down, "stopped while replaying the journal"});
            });
  });
}

void engine::finish(std::function<void(bool)> done) {
  is_finishing_ = true;
  system_->spawn<caf::hidden>([this, done = std::move(done)](caf::event_based_actor* self) {
    const auto give_up = [done](const caf::error&) { done(false); };
    self->request(context_.writer, no_deadline, finish_atom_v)
        .then(
            [this, self, done, give_up](bool) {
              self->request(context_.checkpointer, no_deadline, finish_atom_v)
                  .then([done](bool stored) { done(stored); }, give_up);
            },
            give_up);
  });
}

std::optional<std::string> engine::not_ready() const {
  if (is_finishing_)
    return "draining: the server is stopping";
  if (!is_recovered_)
    return recovering_reason;
  if (context_.disk_is_full)
    return "disk full: free space is below storage.min_free";
  return context_.health.away();
}

std::optional<std::string> engine::trouble() const {
  return context_.damaged.detail(context_.time.steady_ms());
}

namespace {

const failure recovering{errc::unavailable, recovering_reason};

} // namespace

void engine::robot(net::io_thread& io, permitted_name name,
                   net::callback<std::optional<robot_state>> done) {
  if (!is_recovered_) // rule 25
    return done(recovering);
  query::robot(context_, io, std::move(name).value(), std::move(done));
}

void engine::odometer(net::io_thread& io, permitted_name name, timestamp_ms from, timestamp_ms to,
                      net::callback<double> done) {
  if (!is_recovered_)
    return done(recovering);
  query::odometer(context_, io, std::move(name).value(), from, to, std::move(done));
}

std::unique_ptr<net::pull_stream<net::named_robot>> engine::robots(net::io_thread& io,
                                                                   const net::caller& who,
                                                                   const std::string& after,
                                                                   std::size_t limit) {
  if (!is_recovered_)
    return std::make_unique<refused_stream<net::named_robot>>(recovering);
  return query::robots(context_, io, who.robots, after, limit);
}

std::unique_ptr<net::pull_stream<event_row>> engine::events(net::io_thread& io, permitted_name name,
                                                            timestamp_ms from, timestamp_ms to,
                                                            std::size_t limit) {
  if (!is_recovered_)
    return std::make_unique<refused_stream<event_row>>(recovering);
  return query::events(context_, io, std::move(name).value(), from, to, limit);
}

void engine::ingest(net::io_thread& io, net::caller_ptr who, std::vector<net::ingest_line> events,
                    net::callback<net::ingest_outcome> done) {
  telemetry::ingest::start(*context_.lanes[io.index()], std::move(who), std::move(events),
                           std::move(done));
}

} // namespace telemetry
