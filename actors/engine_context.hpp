#pragma once

#include "actors/damaged_robots.hpp"
#include "actors/engine_options.hpp"
#include "actors/gate.hpp"
#include "actors/messages.hpp"
#include "actors/query_deadlines.hpp"
#include "actors/stale_log.hpp"
#include "actors/time_source.hpp"
#include "core/result.hpp"

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace telemetry {

class lane;

/// Why nothing is served until the journal is replayed.
inline constexpr const char* recovering_reason = "recovering: the journal is being replayed";

/// What a shard lets the journal writer see without asking.
struct shard_status {
  std::atomic<bool> holds_unsealed{false};
};

/// What the actors of one engine share. Outlives them; handles are set before traffic starts and
/// do not change after.
struct engine_context {
  engine_context(const engine_options& how, const time_source& clock, std::size_t shard_count)
      : options(how), time(clock),
        credit(gate::limits{journal_bytes_max, how.memory_bytes_max}, clock),
        deadlines(clock, how.query_timeout), status(shard_count) {}

  /// Received and waiting for the disk, all connections together.
  static constexpr std::size_t journal_bytes_max = 64u << 20;

  const engine_options options;
  const time_source& time;
  gate credit;
  stale_log stale;
  damaged_robots damaged;
  query_deadlines deadlines;
  std::vector<shard_status> status;
  std::vector<lane*> lanes; ///< one per I/O thread
  /// Checkpoints that the store has taken; it rises before memory forgets what is in one.
  std::atomic<std::uint64_t> store_version{0};
  std::atomic<bool> disk_is_full{false};
  std::atomic<bool> memory_freed{false}; ///< many actors are gone: give pages back
  /// Ends the process: what the disk holds is unknown, or more than single rows is damaged. Does
  /// not return.
  std::function<void(const failure&)> fatal;

  std::vector<shard_actor> shards;
  std::vector<reader_actor> readers;
  /// What the I/O threads may ask of the store themselves, as long as they run.
  cached_reads* cached = nullptr;
  journal_writer_actor writer;
  checkpointer_actor checkpointer;

  [[nodiscard]] const reader_actor& reader_of(std::uint32_t shard) const {
    return readers[shard % readers.size()];
  }
};

/// An exception in an actor is a bug or memory at its end: what it left undone is unknown, so the
/// process ends and the journal decides.
template <class Actor>
void end_process_on_exception(Actor& self, engine_context& context) {
  self.set_exception_handler([&self, &context](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& what) {
      context.fatal({errc::unavailable, std::string{self.name()} + ": " + what.what()});
    }
    return caf::sec::runtime_error;
  });
}

} // namespace telemetry
