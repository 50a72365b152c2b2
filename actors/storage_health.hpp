#pragma once

#include "actors/serving_time.hpp"
#include "actors/time_source.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace telemetry {

/// Whether journal, store and shards answer, for /readyz, the log and the stall limit. While the
/// journal is away, producers are read on within their own credit, so that they get their pongs
/// (PROTOCOL.md §3).
///
/// Thread-safe.
class storage_health {
public:
  /// `serving` stands still while the journal refuses.
  storage_health(const time_source& time, serving_time& serving) : time_(time), serving_(serving) {}

  /// Reports that the journal refuses appends, with the reason; "" reports that it takes them
  /// again. A refusal also ends the call that journal_busy() reported.
  void journal_away(std::string reason);
  /// Reports the begin of a call to the journal (steady time), or nullopt at its end. A long call
  /// counts as the journal being away, because a database may hang without refusing.
  void journal_busy(std::optional<std::int64_t> since_ms);
  /// Reports when the shards were asked for a checkpoint (steady time), or nullopt once all have
  /// answered. There is no deadline, because a process may stand still for any time, but a long
  /// wait is reported.
  void shards_busy(std::optional<std::int64_t> since_ms);
  /// Reports that the store refuses checkpoints, with the reason; "" reports that it takes them
  /// again. Reads and ingest go on, within the memory limit.
  void store_away(std::string reason);
  /// `silence` returns how long the store has not answered a request; any thread may call it, and
  /// it must not block. A store that is silent for 2 s counts as away, as a journal does. An empty
  /// function ends the watch before the store is destroyed; the old one is not called after the
  /// return.
  void watch_store(std::function<std::chrono::milliseconds()> silence);
  /// Why the journal or the store is away, or that a shard does not answer; nullopt otherwise.
  [[nodiscard]] std::optional<std::string> away() const;

  /// The state of the journal, the store or the shards, for the log.
  struct answering {
    bool refuses;            ///< its last answer was a failure
    std::int64_t silence_ms; ///< how long it has not answered; 0 if that is not too long
  };
  [[nodiscard]] answering journal_answering() const;
  [[nodiscard]] answering store_answering() const;
  [[nodiscard]] answering shards_answering() const;
  /// Why the store is away or silent; nullopt otherwise. For reads that got no answer.
  [[nodiscard]] std::optional<std::string> store_trouble() const;
  /// The sentence about a silence in /readyz and the log. `what` is its subject: "the journal".
  [[nodiscard]] static std::string silence_text(std::string_view what, std::int64_t silence_ms);
  /// How long the journal has been away or hanging, in milliseconds; 0 if it is not.
  [[nodiscard]] std::int64_t away_ms() const;

private:
  [[nodiscard]] std::int64_t hanging_ms() const;
  [[nodiscard]] std::int64_t store_silence_ms() const;
  [[nodiscard]] std::int64_t shards_silence_ms() const;
  [[nodiscard]] std::optional<std::string> store_reason() const;

  const time_source& time_;
  serving_time& serving_;
  mutable std::mutex mutex_; ///< guards the members below
  std::string journal_reason_;
  std::string store_reason_;
  std::function<std::chrono::milliseconds()> store_silence_;
  std::int64_t away_since_ms_ = 0;
  std::optional<std::int64_t> busy_since_ms_;
  std::optional<std::int64_t> shards_busy_since_ms_;
};

} // namespace telemetry
