#pragma once

#include "actors/time_source.hpp"
#include "core/serving_clock.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace telemetry {

/// The node's credit: sockets are read only while it is open. While the journal is away, producers
/// are read on within their own credit, so that they get their pongs (PROTOCOL.md §3). Also keeps
/// the serving clock, which stands still while the gate is closed or the journal away (§2).
///
/// Thread-safe.
class gate {
public:
  struct limits {
    std::size_t journal_bytes; ///< received and not durable yet
    std::size_t memory_bytes;  ///< durable and not in the store yet
  };

  gate(const limits& most, const time_source& time) : most_(most), time_(time) {}

  /// `on_open` runs on whatever thread opens the gate; it must not block.
  void on_open(std::function<void()> poke) { on_open_ = std::move(poke); }

  [[nodiscard]] bool is_open() const noexcept { return open_.load(std::memory_order_acquire); }

  void add_journal(std::size_t bytes) { add(journal_, bytes, most_.journal_bytes); }
  void remove_journal(std::size_t bytes) { remove(journal_, bytes); }
  void add_memory(std::size_t bytes) { add(memory_, bytes, most_.memory_bytes); }
  void remove_memory(std::size_t bytes) { remove(memory_, bytes); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return memory_.load(); }

  /// The journal refuses appends, for this reason, and is no longer waited for; an empty one: it
  /// takes them again.
  void journal_away(std::string reason);
  /// The journal is being waited for since then (steady time); nothing: it is not. A call that
  /// takes long counts as the journal being away: a database may hang without refusing.
  void journal_busy(std::optional<std::int64_t> since_ms);
  /// The shards have been asked for a checkpoint since then (steady time) and at least one has not
  /// answered; nothing: all have. There is no deadline, because a process may stand still for any
  /// time, but one that takes long is told.
  void shards_busy(std::optional<std::int64_t> since_ms);
  /// The store refuses checkpoints, for this reason; an empty one: it takes them again. Reads and
  /// ingest go on, within the memory limit.
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
  /// How long the gate has been closed, in milliseconds; 0 if it is open.
  [[nodiscard]] std::int64_t closed_ms() const;

  /// A checkpoint is done. If the gate is closed all the same, what fills memory is not sealed
  /// yet: then serving time must go on, or it would never be.
  void checkpoint_done();

  void start_clock(std::int64_t start_ms);
  [[nodiscard]] std::int64_t serving_now() const;

private:
  void add(std::atomic<std::size_t>& what, std::size_t bytes, std::size_t most) {
    if (what.fetch_add(bytes) + bytes > most)
      update();
  }
  void remove(std::atomic<std::size_t>& what, std::size_t bytes) {
    what.fetch_sub(bytes);
    if (!is_open())
      update();
  }
  void update();
  [[nodiscard]] bool within_limits() const;
  [[nodiscard]] std::int64_t hanging_ms() const;
  [[nodiscard]] std::int64_t store_silence_ms() const;
  [[nodiscard]] std::int64_t shards_silence_ms() const;
  [[nodiscard]] std::optional<std::string> store_reason() const;

  limits most_;
  const time_source& time_;
  std::function<void()> on_open_;
  std::atomic<std::size_t> journal_{0};
  std::atomic<std::size_t> memory_{0};
  std::atomic<bool> open_{true};
  mutable std::mutex mutex_; ///< guards what follows
  serving_clock clock_;
  std::string journal_reason_;
  std::string store_reason_;
  std::function<std::chrono::milliseconds()> store_silence_;
  std::int64_t away_since_ms_ = 0;
  std::optional<std::int64_t> busy_since_ms_;
  std::optional<std::int64_t> shards_busy_since_ms_;
  std::int64_t closed_since_ms_ = 0;
};

} // namespace telemetry
