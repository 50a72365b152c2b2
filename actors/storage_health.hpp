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
  /// again. A journal that refuses is no longer waited for.
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
  /// `silence` tells for how long the store has been asked in vain: on any thread, at once. A store
  /// that is silent for as long as a journal that hangs counts as away. An empty one: the store is
  /// about to go, and is not asked from the return on.
  void watch_store(std::function<std::chrono::milliseconds()> silence);
  /// Why the store or the journal is away, or that a shard is stuck; nothing if all is well.
  [[nodiscard]] std::optional<std::string> away() const;

  /// Journal, store or shards as the log tells of them.
  struct answering {
    bool refuses;            ///< it answers that it cannot
    std::int64_t silence_ms; ///< how long it has been asked in vain; 0 if that is not long
  };
  [[nodiscard]] answering journal_answering() const;
  [[nodiscard]] answering store_answering() const;
  [[nodiscard]] answering shards_answering() const;
  /// Why the store is away or silent; nothing if it is there. For reads that got no answer.
  [[nodiscard]] std::optional<std::string> store_trouble() const;
  /// How /readyz and the log tell of a silence. `what` is the subject: "the journal".
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
  mutable std::mutex mutex_; ///< guards what follows
  std::string journal_reason_;
  std::string store_reason_;
  std::function<std::chrono::milliseconds()> store_silence_;
  std::int64_t away_since_ms_ = 0;
  std::optional<std::int64_t> busy_since_ms_;
  std::optional<std::int64_t> shards_busy_since_ms_;
};

} // namespace telemetry
