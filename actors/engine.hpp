#pragma once

#include "actors/connection.hpp"
#include "actors/engine_context.hpp"
#include "actors/queries.hpp"
#include "net/rest/api.hpp"
#include "storage/open_storage.hpp"

#include <atomic>
#include <memory>
#include <span>

namespace telemetry {

/// The actor system over one database, and the objects that the actors share. A storage engine is
/// something else: a folder in storage/.
///
/// Only this class makes detached actors, and it decides how many there are: recovery, journal
/// writer, checkpointer, readers, cache writer, watchdog. release_storage() ends them. The shard
/// host spawns the shards, which the scheduler runs and the destructor of this class ends. Other
/// classes spawn the actors that they run themselves, and end them: shard::activate() a robot,
/// session_upstream (connection.cpp) a connection, ingest::start() an ingest, lane::run_query() a
/// query actor, and query_deadlines its timer.
///
/// Life: make(), recover(), serve through api and upstreams(), finish(), release_storage(), then
/// destroy. The destructor ends every actor, which takes microseconds each. Therefore a process
/// that ends anyway may exit instead.
class engine final : public net::api {
public:
  /// Spawns the actors. `database` and `io_threads` must outlive the engine. Blocks on the disk.
  /// @param fatal ends the process. It is called on any thread and must not return.
  /// @returns the failure if the store cannot be read.
  static result<std::unique_ptr<engine>> make(const engine_options& options, storage& database,
                                              std::span<net::io_thread* const> io_threads,
                                              std::function<void(const failure&)> fatal,
                                              const time_source& time = system_time());
  ~engine() override;

  /// Replays the journal, then accepts requests. Does not block; `done` runs on an actor's thread.
  void recover(std::function<void(const result<recovery_stats>&)> done);

  /// Commits all received events, then makes a last checkpoint. Does not block; `done` runs on an
  /// actor's thread, with false if the store was away (no event is lost, because the journal has
  /// all of them). @pre no new events come in.
  void finish(std::function<void(bool)> done);

  /// Ends the actors that use the database and waits for them, so that it may be closed. Blocks.
  /// @pre the I/O threads have stopped, because they also read the store (ADR 0050).
  void release_storage();

  [[nodiscard]] net::upstream_factory& upstreams() noexcept { return connections_; }
  [[nodiscard]] caf::actor_system& system() noexcept { return *system_; }
  [[nodiscard]] engine_context& context() noexcept { return context_; }

  // net::api
  void robot(net::io_thread& io, permitted_name name,
             net::callback<std::optional<robot_state>> done) override;
  void odometer(net::io_thread& io, permitted_name name, timestamp_ms from, timestamp_ms to,
                net::callback<double> done) override;
  std::unique_ptr<net::pull_stream<net::named_robot>> robots(net::io_thread& io,
                                                             const net::caller& who,
                                                             const std::string& after,
                                                             std::size_t limit) override;
  std::unique_ptr<net::pull_stream<event_row>> events(net::io_thread& io, permitted_name name,
                                                      timestamp_ms from, timestamp_ms to,
                                                      std::size_t limit) override;
  void ingest(net::io_thread& io, net::caller_ptr who, std::vector<net::ingest_line> events,
              net::callback<net::ingest_outcome> done) override;
  [[nodiscard]] std::optional<std::string> not_ready() const override;
  [[nodiscard]] std::optional<std::string> trouble() const override;

private:
  engine(const engine_options& options, storage& database, const time_source& time);
  void spawn_actors(std::span<net::io_thread* const> io_threads);

  caf::actor_system_config config_;
  storage& database_;
  engine_context context_;
  std::vector<shard_marker> markers_; ///< of the store at start, ordered by shard
  std::unique_ptr<caf::actor_system> system_;
  std::vector<std::unique_ptr<lane>> lanes_;
  shard_host_actor shard_host_;
  watchdog_actor watchdog_;
  cache_writer_actor cache_writer_; ///< null without a cache
  connection_factory connections_;
  // Two flags, because a stop may begin during the replay, and the end of the replay must not undo
  // the stop.
  std::atomic<bool> is_recovered_{false}; ///< reads are refused before (rule 25)
  std::atomic<bool> is_finishing_{false};
};

} // namespace telemetry
