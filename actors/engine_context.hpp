#pragma once

#include "actors/byte_credit.hpp"
#include "actors/damaged_robots.hpp"
#include "actors/engine_options.hpp"
#include "actors/messages.hpp"
#include "actors/place_table.hpp"
#include "actors/query_deadlines.hpp"
#include "actors/serving_time.hpp"
#include "actors/stale_log.hpp"
#include "actors/storage_health.hpp"
#include "actors/time_source.hpp"
#include "core/result.hpp"

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace telemetry {

class lane;

/// Reason in answers and /readyz until the journal is replayed.
inline constexpr const char* recovering_reason = "recovering: the journal is being replayed";

/// State of a shard that the journal writer reads without a message.
struct shard_status {
  std::atomic<bool> holds_unsealed{false};
};

/// Objects that the actors of one engine share. It outlives the actors. Actor handles are set
/// before the first request and do not change afterwards.
struct engine_context {
  engine_context(const engine_options& how, const time_source& clock, std::size_t shard_count)
      : options(how), time(clock), serving(clock), health(clock, serving),
        credit({received_bytes_max, how.memory_bytes_max}, clock, serving),
        deadlines(clock, how.query_timeout), status(shard_count), places(shard_count) {}

  /// Limit of the bytes that are received and not applied yet, over all connections.
  static constexpr std::size_t received_bytes_max = 64u << 20;

  const engine_options options;
  const time_source& time;
  serving_time serving;
  storage_health health;
  byte_credit credit;
  stale_log stale;
  damaged_robots damaged;
  query_deadlines deadlines;
  std::vector<shard_status> status; ///< one per shard
  place_table places;
  std::vector<lane*> lanes; ///< one per I/O thread
  /// Number of checkpoints in the store. It rises before the rows of a checkpoint leave memory.
  std::atomic<std::uint64_t> store_version{0};
  std::atomic<bool> disk_is_full{false};
  std::atomic<bool> memory_freed{false}; ///< many actors have ended; release_free_memory() is due
  /// Robots have left memory without their latest state, so the cache must be rebuilt.
  std::atomic<bool> cache_lacks_robots{false};
  /// Ends the process after an error that no retry can cure. Does not return. Any thread.
  std::function<void(const failure&)> fatal;

  std::vector<reader_actor> readers;
  /// The store, for reads from memory on the I/O threads (ADR 0050).
  cached_reads* cached = nullptr;
  recovery_actor recovery;
  journal_writer_actor writer;
  checkpointer_actor checkpointer;

  [[nodiscard]] const reader_actor& reader_of(std::uint32_t shard) const {
    return readers[shard % readers.size()];
  }
};

/// Makes an exception in `self` end the process. Such an exception is a bug or a lack of memory,
/// and the state of the actor is unknown afterwards. The next start replays the journal.
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
